FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# Optional packages are a Node.js for developers and native speed-ups for other platforms; no package needs its script.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY src ./src
COPY clients/typescript/src ./clients/typescript/src
RUN ln -s /app/src/cli/main.ts /usr/local/bin/ringback
USER node
EXPOSE 3000
# The API answers on PORT; a worker only on METRICS_PORT, so that one comes first.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.METRICS_PORT || process.env.PORT || 3000}/livez`).then((res) => process.exit(res.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/api/main.ts"]
