import {
  type FieldNode,
  type GraphQLField,
  getNamedType,
  getNullableType,
  isIntrospectionType,
  isListType,
  Kind,
  type OperationDefinitionNode,
  type ValueNode,
} from 'graphql';

/** The longest list that anyone gets. More is refused when the field is resolved. */
const maxListSize = 100;
/** Length of a list that says nothing of its length, such as the categories. */
const assumedListSize = 20;

/** By name, the variables of a request that are numbers. */
export type NumberVariables = ReadonlyMap<string, number>;

/** How many times what is below a field can be in the answer. */
export function listSize(
  node: FieldNode,
  field: GraphQLField<unknown, unknown> | undefined,
  numbers: NumberVariables,
): number {
  if (field === undefined || isIntrospectionType(getNamedType(field.type))) return 1;
  const first = field.args.find(({ name }) => name === 'first');
  if (first !== undefined) {
    const given = node.arguments?.find(({ name }) => name.value === 'first')?.value;
    const asked = readNumber(given, numbers) ?? readNumber(first.default?.literal, numbers) ?? maxListSize;
    return Math.min(Math.max(asked, 1), maxListSize);
  }
  // The edges of a connection are as many as its `first` says, and counted there.
  return isListType(getNullableType(field.type)) && node.name.value !== 'edges' ? assumedListSize : 1;
}

function readNumber(value: ValueNode | undefined, numbers: NumberVariables): number | undefined {
  if (value?.kind === Kind.INT) return Number(value.value);
  return value?.kind === Kind.VARIABLE ? numbers.get(value.name.value) : undefined;
}

/** The variables of an operation that are numbers, as they were given or by their default. */
export function readNumberVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): NumberVariables {
  const numbers = new Map<string, number>();
  for (const { variable, defaultValue } of variableDefinitions) {
    const name = variable.name.value;
    if (Object.hasOwn(given, name)) {
      // Whatever is no number, null too, may mean any length to whoever resolves the field.
      numbers.set(name, typeof given[name] === 'number' ? given[name] : maxListSize);
    } else if (defaultValue?.kind === Kind.INT) {
      numbers.set(name, Number(defaultValue.value));
    }
  }
  return numbers;
}
