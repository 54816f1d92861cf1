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
# Only the programs: the tests' targets need not be there.
ENV PROGRAMS="tacit tacit-consent tacit-vault tacit-features tacit-trainer tacit-vectors"
RUN export TACIT_ONLY="$(echo "$PROGRAMS" | tr ' ' ,)" \
 && for program in $PROGRAMS; do \
      swift build -c release -Xswiftc -static-stdlib --product "$program" || exit 1; \
    done \
 && bin="$(swift build -c release -Xswiftc -static-stdlib --show-bin-path)" \
 && for program in $PROGRAMS; do install -D --strip "$bin/$program" "/out/$program" || exit 1; done

FROM ${RUNTIME_IMAGE} AS runtime
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libprotobuf-c1 libssl3 liblmdb0 libstdc++6 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin tacit \
 && install --directory --owner=tacit --group=tacit /var/lib/tacit/store /var/lib/tacit/trust
COPY --from=build /out/ /usr/local/bin/
USER 10001:10001
CMD ["tacit", "--help"]
