# One image for the API (the default), the worker (node src/worker/main.ts), the sandbox (node src/sandbox/main.ts) and the
# command line (ringback). It holds Node.js, the libraries that it is linked to, and Ringback: no shell, no package manager.
FROM node:24-bookworm-slim AS build
WORKDIR /ringback
COPY package.json package-lock.json ./
# Optional packages are a Node.js for developers and native speed-ups for other platforms; no package needs its script.
# The SBOM is of what is installed: npm misses what is not, and with --omit some of what is.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  && npm pkg delete devDependencies optionalDependencies \
  && npm sbom --sbom-format cyclonedx > sbom.cdx.json \
  && find node_modules -name '*.map' -delete
# `env` finds Node.js for the command line. The packages' records are for scanners, which look for them there.
RUN mkdir -p /root-fs/etc /root-fs/var/lib/dpkg/status.d /root-fs/usr/local/bin \
  && cp --parents --dereference $(ldd /usr/local/bin/node | grep -o '/[^ ]*') /usr/bin/env /usr/local/bin/node /etc/os-release /root-fs \
  && for package in libc6 libgcc-s1 libstdc++6; do dpkg --status "$package" > "/root-fs/var/lib/dpkg/status.d/$package"; done \
  && echo 'ringback:x:65532:65532::/app:/sbin/nologin' > /root-fs/etc/passwd \
  && ln -s /app/src/cli/main.ts /root-fs/usr/local/bin/ringback

FROM scratch
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="Ringback" \
  org.opencontainers.image.description="Self-hosted phone verification in front of SignalWire" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION"
COPY --from=build /root-fs /
ENV NODE_ENV=production PATH=/usr/local/bin
WORKDIR /app
COPY --from=build /ringback/node_modules ./node_modules
COPY --from=build /ringback/sbom.cdx.json ./
COPY package.json LICENSE ./
COPY clients/typescript/src ./clients/typescript/src
COPY src ./src
USER 65532:65532
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s CMD ["node", "src/healthcheck/main.ts"]
CMD ["node", "src/api/main.ts"]
