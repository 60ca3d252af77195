import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadOpenApi, type OpenApiDocument, operationsOf } from '@portico/contracts/openapi.ts';
import { compileSchema } from '@portico/runtime/openapi-schema.ts';
import { exampleOf } from './describe-schema.ts';
import { renderDocs } from './render-docs.ts';

const document = loadOpenApi('mobile');
const addresses = { origin: 'https://shop.example', stylesheet: '/docs.css', document: '/openapi.json' };

describe('The docs page', () => {
  const page = renderDocs(document, addresses);

  it('explains every operation, its parameters, and every member of its answers', () => {
    for (const { path, operation } of operationsOf(document)) {
      const [, section = ''] = page.split(`<section id="${operation.operationId}">`);
      const own = section.slice(0, section.indexOf('</section>'));
      assert.ok(own.includes(path), path);
      for (const { name } of operation.parameters ?? [])
        assert.ok(own.includes(`<code>${name}</code>`), name);
      for (const status of Object.keys(operation.responses)) {
        assert.ok(own.includes(status === 'default' ? '4xx' : `>${status}<`), `${path} ${status}`);
      }
    }
    for (const member of [
      'items[].price.amount',
      'reviews[].author.displayName',
      'featured[].rating.average',
    ]) {
      assert.ok(page.includes(`<code>${member}</code>`), member);
    }
  });

  it('has a command to try for every operation', () => {
    const commands = [...page.matchAll(/curl [^<]*/g)].map(([command]) =>
      command.replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
    );
    const as = (user: string) => `-H "authorization: Bearer $(npx portico token ${user})"`;
    assert.deepEqual(commands, [
      "curl -i --compressed 'https://shop.example/api/v1/home'",
      "curl -i --compressed 'https://shop.example/api/v1/products?limit=2&fields=name,price,inStock'",
      "curl -i --compressed 'https://shop.example/api/v1/sync?limit=2'",
      `curl -i --compressed 'https://shop.example/api/v1/batch' -X POST --json '{"requests":[{"url":"/api/v1/products?limit=2"}]}'`,
      "curl -i --compressed 'https://shop.example/api/v1/products/p1'",
      `curl -i --compressed 'https://shop.example/api/v1/products/p1/reviews' -X POST ${as('ada')} -H 'Idempotency-Key: 4d1f6a2e-8f0b-4c57-9a8c-2f3f5a6f2b11' --json '{"stars":4,"body":"Pours exactly where I want it. The handle stays cool."}'`,
      `curl -i --compressed 'https://shop.example/api/v1/operator/products/p1/price' -X PUT ${as('root')} --json '{"amount":4990}'`,
      `curl -i --compressed 'https://shop.example/api/v1/operator/products/p1/stock' -X PUT ${as('root')} --json '{"quantity":42}'`,
      `curl -i --compressed 'https://shop.example/api/v1/me' ${as('ada')}`,
      `curl -i --compressed 'https://shop.example/api/v1/me/orders?limit=10' ${as('ada')}`,
      `curl -i --compressed 'https://shop.example/api/v1/orders' -X POST ${as('ada')} -H 'Idempotency-Key: 4d1f6a2e-8f0b-4c57-9a8c-2f3f5a6f2b11' --json '{"lines":[{"productId":"p1","quantity":2}],"paymentToken":"tok_ok"}'`,
      `curl -i --compressed 'https://shop.example/api/v1/orders/o1' ${as('ada')}`,
      `curl -i --compressed 'https://shop.example/api/v1/orders/o1/cancel' -X POST ${as('ada')}`,
      `curl -i --compressed 'https://shop.example/api/v1/orders/o1/events' ${as('ada')}`,
    ]);
  });

  it('shows examples that its own schemas allow', () => {
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      const [valid, errors] = compileSchema(schema, document).Errors(exampleOf(schema, document));
      assert.ok(valid, `${name}: ${JSON.stringify(errors)}`);
    }
  });

  it('loads nothing but its stylesheet, and runs nothing', () => {
    assert.deepEqual(page.match(/(?:src|srcset|href)="(?!#)[^"]*"/g), [
      'href="/docs.css"',
      'href="/openapi.json"',
    ]);
    assert.doesNotMatch(page, /<script|<style|style=|\son\w+=/i);
  });

  it('shows text of the document as text', () => {
    const hostile: OpenApiDocument = {
      ...document,
      info: { title: '<script>alert(1)</script>', version: '"1"', description: '`<b>` **&amp;** <i>' },
    };
    const shown = renderDocs(hostile, addresses);
    assert.doesNotMatch(shown, /<script|<b>|<i>/);
    assert.ok(shown.includes('<code>&lt;b&gt;</code> <strong>&amp;amp;</strong> &lt;i&gt;'));
  });
});
