/** Node's own HTTP server with event streams: each is of a product, and so many times a second the next one is told to those who follow it. */
import { createServer, type ServerResponse } from 'node:http';
import process from 'node:process';
import { listenAsChild } from '../listen-as-child.ts';

const products = Number(process.env.PRODUCTS);
const everyMs = 1_000 / Number(process.env.PER_SECOND);
const followers = Array.from({ length: products }, () => new Set<ServerResponse>());
/** As much as the event of a product has. */
const filling = 'x'.repeat(Number(process.env.EVENT_BYTES));

const server = createServer((req, res) => {
  const own = followers[Number(req.url?.slice(1)) % products];
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).write(':\n\n');
  own?.add(res);
  res.once('close', () => own?.delete(res));
});
let told = 0;
setInterval(() => {
  told += 1;
  for (const res of followers[told % products] ?? []) res.write(`id: ${told}\ndata: ${filling}\n\n`);
}, everyMs);
listenAsChild(server);
