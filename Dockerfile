# docker build --target gateway|web|mobile .
# What is optional, such as DuckDB, no image needs. The three images differ in their last lines alone, so a host keeps what is in them once.
FROM node:24.21.0-slim AS install
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
COPY gateway gateway
COPY bffs bffs
RUN npm ci --omit=dev --omit=optional --ignore-scripts -w gateway -w bffs/web -w bffs/mobile

FROM node:24.21.0-slim AS process
WORKDIR /app
COPY --from=install /app ./
ENV NODE_ENV=production
# The base's own user, by number: an orchestrator can tell from it that this isn't root.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORTICO_ADMIN_PORT ?? process.env.ADMIN_PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1))"]

FROM process AS web
ENV PORTICO_HOST=0.0.0.0 PORT=8080 ADMIN_PORT=9901
CMD ["node", "bffs/web/src/main.ts"]

FROM process AS mobile
ENV PORTICO_HOST=0.0.0.0 PORT=8080 ADMIN_PORT=9901
CMD ["node", "bffs/mobile/src/main.ts"]

# The last one is what a build without --target makes.
FROM process AS gateway
ENV PORTICO_CONFIG=/etc/portico/gateway.yaml PORTICO_PORT=8080 PORTICO_ADMIN_PORT=9901
CMD ["node", "gateway/src/main.ts"]
