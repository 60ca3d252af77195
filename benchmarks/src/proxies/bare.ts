/**
 * Express with http-proxy-middleware as its README shows it, and connections to the origin that are kept. With ACCESS_LOG
 * it writes a line a request as the gateway does, in pino's default way.
 */
import { Agent, createServer } from 'node:http';
import process from 'node:process';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { pino } from 'pino';
import { listenAsChild } from '../listen-as-child.ts';

const app = express();
if (process.env.ACCESS_LOG !== undefined) app.use(accessLog());
app.use(
  createProxyMiddleware({
    target: process.env.ORIGIN ?? '',
    changeOrigin: true,
    agent: new Agent({ keepAlive: true }),
  }),
);
listenAsChild(createServer(app));

function accessLog(): express.RequestHandler {
  const log = pino();
  return (req, res, next) => {
    const startedAt = performance.now();
    res.once('close', () => {
      const { method, path } = req;
      log.info({ method, path, status: res.statusCode, ms: performance.now() - startedAt }, 'request');
    });
    next();
  };
}
