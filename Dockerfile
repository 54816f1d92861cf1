# Two stages: a Swift toolchain builds static-stdlib programs, a slim Debian runs them as nobody in
# particular with a read-only root.
ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build
WORKDIR /tacit
COPY Tools/install-native.sh Tools/install-native.sh
RUN Tools/install-native.sh && rm -rf /var/lib/apt/lists/*
COPY Package.swift Package.swift
COPY Protos Protos
COPY Shared Shared
COPY Services Services
COPY Tools Tools
COPY Tests Tests
RUN for program in tacit tacit-consent tacit-vault tacit-features tacit-trainer tacit-vectors; do \
      swift build -c release -Xswiftc -static-stdlib --product "$program" || exit 1; \
    done \
 && mkdir -p /out && cp "$(swift build -c release --show-bin-path)"/tacit* /out/ 2>/dev/null || true \
 && find /out -type d -mindepth 1 -prune -exec rm -rf {} + \
 && rm -f /out/tacit-protogen /out/*.swiftmodule /out/*.product \
 && strip /out/tacit*

FROM ${RUNTIME_IMAGE} AS runtime
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libprotobuf-c1 libssl3 liblmdb0 libstdc++6 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin tacit \
 && install --directory --owner=tacit --group=tacit /var/lib/tacit/store /var/lib/tacit/trust
COPY --from=build /out/ /usr/local/bin/
USER 10001:10001
CMD ["tacit", "--help"]
