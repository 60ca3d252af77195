import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  print,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { listSize, type NumberVariables, readNumberVariables } from './list-size.ts';

/** How large the operations of a document are; of several, the largest. */
export interface OperationSize {
  /** As the document is written, fragments counted once. */
  readonly fields: number;
  /** As the document is written, fragments counted once. */
  readonly aliases: number;
  /** As the document is written, fragments counted once. */
  readonly directives: number;
  /** Fields at the top, repeated ones too. */
  readonly rootFields: number;
  /** Levels of fields; Infinity where a fragment spreads itself. */
  readonly depth: number;
  /** Fields of the largest answer that it could have, repeated ones too, and more for calls that can't be joined. */
  readonly cost: number;
}

interface SelectionSize {
  readonly width: number;
  readonly depth: number;
  readonly cost: number;
}

type Type = GraphQLNamedType | null | undefined;

/** What a call to a service costs that can't be joined with those of other fields. */
const ownCallCost = 100;

const ownCalls: ReadonlySet<string> = new Set(['Query.products', 'Query.order', 'Customer.orders']);

const empty: SelectionSize = { width: 0, depth: 0, cost: 0 };
const endless: SelectionSize = { ...empty, depth: Infinity };

/**
 * Measures a document that was parsed, but not validated, in a time that grows with its length only: every fragment is
 * measured once, wherever it is spread. Fields and types that the schema doesn't have count as single values.
 */
export function measureOperation(
  document: DocumentNode,
  schema: GraphQLSchema,
  variables: Readonly<Record<string, unknown>>,
): OperationSize {
  const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  const fragments = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  const sizes = operations.map((node) => {
    const measure = createMeasure(fragments, schema, readNumberVariables(node, variables));
    return measure.set(node.selectionSet, schema.getRootType(node.operation));
  });
  // Also those that nothing spreads: validation walks through them all the same.
  const measure = createMeasure(fragments, schema, new Map());
  const fragmentSizes = fragments.map(({ name }) => measure.fragment(name.value));
  return {
    ...countWritten(document),
    rootFields: Math.max(0, ...sizes.map(({ width }) => width)),
    depth: Math.max(0, ...[...sizes, ...fragmentSizes].map(({ depth }) => depth)),
    cost: Math.max(0, ...sizes.map(({ cost }) => cost)),
  };
}

function countWritten(document: DocumentNode): Pick<OperationSize, 'fields' | 'aliases' | 'directives'> {
  let fields = 0;
  let aliases = 0;
  let directives = 0;
  visit(document, {
    Field({ alias }) {
      fields += 1;
      if (alias !== undefined) aliases += 1;
    },
    Directive() {
      directives += 1;
    },
  });
  return { fields, aliases, directives };
}

function createMeasure(
  fragments: readonly FragmentDefinitionNode[],
  schema: GraphQLSchema,
  numbers: NumberVariables,
) {
  const byName = new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
  const measured = new Map<string, SelectionSize>();
  const makesOwnCall = createOwnCallCheck();

  const ofSet = (set: SelectionSetNode, parent: Type): SelectionSize =>
    set.selections.map((node) => ofSelection(node, parent)).reduce(beside, empty);

  const ofSelection = (node: SelectionNode, parent: Type): SelectionSize => {
    switch (node.kind) {
      case Kind.FIELD:
        return ofField(node, parent);
      case Kind.INLINE_FRAGMENT:
        return ofSet(
          node.selectionSet,
          node.typeCondition ? schema.getType(node.typeCondition.name.value) : parent,
        );
      case Kind.FRAGMENT_SPREAD:
        return ofFragment(node.name.value);
    }
  };

  const ofField = (node: FieldNode, parent: Type): SelectionSize => {
    const name = node.name.value;
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    const type = field === undefined ? undefined : getNamedType(field.type);
    const inner = node.selectionSet === undefined ? empty : ofSet(node.selectionSet, type);
    const own = makesOwnCall(`${parent?.name}.${name}`, node) ? ownCallCost : 0;
    return { width: 1, depth: 1 + inner.depth, cost: 1 + own + listSize(node, field, numbers) * inner.cost };
  };

  const ofFragment = (name: string): SelectionSize => {
    const fragment = byName.get(name);
    const known = measured.get(name);
    if (known !== undefined || fragment === undefined) return known ?? empty;
    // Whoever asks for it while it is being measured is inside of it.
    measured.set(name, endless);
    const size = ofSet(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value));
    measured.set(name, size);
    return size;
  };

  return { set: ofSet, fragment: ofFragment };
}

function beside(one: SelectionSize, other: SelectionSize): SelectionSize {
  return {
    width: one.width + other.width,
    depth: Math.max(one.depth, other.depth),
    cost: one.cost + other.cost,
  };
}

/** Tells of each field of an operation, in turn, whether it makes a call that can't be joined with those of others. */
function createOwnCallCheck(): (coordinate: string, node: FieldNode) => boolean {
  const firsts = new Set<string>();
  return (coordinate, node) => {
    if (ownCalls.has(coordinate)) return true;
    if (coordinate !== 'Product.reviews') return false;
    const argument = (name: string) => node.arguments?.find((given) => given.name.value === name)?.value;
    // The first reviews of many products come in one call for each length that is asked for.
    const first = argument('first');
    firsts.add(first === undefined ? '' : print(first));
    return argument('after') !== undefined || firsts.size > 1;
  };
}
