import Type from 'typebox';
import { everythingChanged } from './change-event.ts';
import { cloudEventSchema, cloudEventSource, cloudEventType } from './cloud-event.ts';
import type { DeclaredSource, EventDeclaration } from './declare-events.ts';

/** What all events have in common: the attributes of CloudEvents 1.0, in its JSON format. */
const cloudEvent = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({ description: 'The same whenever the change is delivered, and no other event has it.' }),
  source: Type.String({ format: 'uri' }),
  type: Type.String(),
  subject: Type.String({ description: 'The id of what changed.' }),
  time: Type.String({ format: 'date-time', description: 'When the database of the service committed it.' }),
  datacontenttype: Type.Literal('application/json'),
  dataschema: Type.String({ format: 'uri' }),
  data: Type.Object({}),
  traceparent: Type.Optional(
    Type.String({
      description:
        'W3C Trace Context of the work that the change is a part of (extension for distributed tracing).',
    }),
  ),
});

/** The AsyncAPI 3.0 document of what these services publish: a channel for each, whose messages are CloudEvents in JSON. */
export function composeAsyncApi(sources: readonly DeclaredSource[]): object {
  const declarations = sources.flatMap((source) => source.declarations);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Changes of the shop',
      version: '1.0.0',
      description:
        'What each service says in public of its committed changes, in the order in which it committed them. Of a thing that ' +
        'is new, `before` is null; of one that is gone, `after`. When an id changes, one thing is gone and another is new.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/cloudevents+json',
    channels: Object.fromEntries(sources.map((source) => [source.source, composeChannel(source)])),
    operations: Object.fromEntries(
      sources.map(({ source }) => [
        `publish-${source}`,
        { action: 'send', channel: { $ref: `#/channels/${source}` }, summary: `What ${source} committed.` },
      ]),
    ),
    components: {
      schemas: {
        CloudEvent: cloudEvent,
        ...Object.fromEntries(
          declarations.map((declaration) => [nameOf(declaration), schemaOf(declaration)]),
        ),
      },
    },
  };
}

function composeChannel({ source, declarations }: DeclaredSource): object {
  const changes = declarations.map((declaration) => {
    const thing = { oneOf: [{ $ref: `#/components/schemas/${nameOf(declaration)}` }, { type: 'null' }] };
    return composeMessage(source, declaration.type, `A ${nameOf(declaration).toLowerCase()} changed.`, thing);
  });
  const everything = composeMessage(source, everythingChanged, 'Anything of this service may have changed.', {
    type: 'null',
  });
  const messages = [...changes, everything].map((message) => [message.name, message]);
  return { address: source, title: `Changes of ${source}`, messages: Object.fromEntries(messages) };
}

/** @param thing the schema of what stands before and after */
function composeMessage(source: string, type: string, summary: string, thing: object) {
  const attributes = {
    source: { const: cloudEventSource(source) },
    type: { const: cloudEventType(source, type) },
    dataschema: { const: cloudEventSchema(source, type) },
    data: { type: 'object', required: ['before', 'after'], properties: { before: thing, after: thing } },
  };
  const payload = { allOf: [{ $ref: '#/components/schemas/CloudEvent' }, { properties: attributes }] };
  return { name: type, summary, payload };
}

/** The thing as it stands in an event: what is personal is there as whoever may not read it has it. */
function schemaOf({ thing, personal }: EventDeclaration): object {
  if (personal === undefined) return thing;
  const { properties } = thing as unknown as { readonly properties: Readonly<Record<string, object>> };
  const marked = personal.members.map((member) => [
    member,
    { ...properties[member], 'x-portico-personal-of': personal.of },
  ]);
  return { ...thing, properties: { ...properties, ...Object.fromEntries(marked) } };
}

function nameOf({ thing }: EventDeclaration): string {
  return String((thing as { readonly title?: unknown }).title);
}
