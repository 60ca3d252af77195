/** The exchange that every proxy carries: a phone asks for the screen of a product. */

const body = JSON.stringify({
  id: 'p1',
  name: 'Enamel camping mug',
  description: 'Steel under two coats of enamel. '.repeat(24),
  price: { amount: 1_490, currency: 'EUR' },
  availability: { inStock: true, quantity: 12 },
  rating: { average: 4.6, count: 31 },
  degraded: [],
});

/** A request to the proxy at `port`, in bytes. */
export function requestFor(port: number): Buffer {
  const lines = [
    'GET /api/v1/products/p1?fields=all HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'User-Agent: Portico/4.2.0 (iPhone; iOS 18.1; Scale/3.00)',
    'Accept: application/json',
    'Accept-Encoding: gzip, br',
    'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
    'X-App-Version: 4.2.0',
    'If-None-Match: "3f1c9a77d2b04e51"',
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

/** The origin's answer, in bytes. */
export const screen = Buffer.from(
  [
    'HTTP/1.1 200 OK',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${body.length}`,
    'ETag: "9b1d77c04e5a3f2c"',
    'Cache-Control: private, max-age=5',
    'Vary: Accept-Encoding',
    'Server-Timing: downstream;desc="calls=4";dur=3.1',
    'Cache-Status: portico-mobile; hit',
    'Date: Thu, 01 Jan 2026 00:00:00 GMT',
    'Connection: keep-alive',
    'Keep-Alive: timeout=75',
    '',
    body,
  ].join('\r\n'),
);
