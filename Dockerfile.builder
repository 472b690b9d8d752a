# The builder as an image: `ovenbird build` by buildah without root, in CI or as a Job of Kubernetes.
#
#     buildah build --file Dockerfile.builder --tag ovenbird-builder .
#
# Any Debian with Python 3.11 or later will do. A site's certificates and package index come as the secrets `ca` and
# `pip.conf`, and are in no layer.
ARG UPSTREAM=docker.io/library/python:3.13-slim

FROM ${UPSTREAM} AS build
USER 0:0
WORKDIR /run/ovenbird/context
COPY images/locks/builder.txt ./
# pip's own wheel, of the version that the lock says, comes before anything is installed by it
RUN --mount=type=secret,id=ca,target=/run/ovenbird/ca.pem \
    --mount=type=secret,id=pip.conf,target=/run/ovenbird/pip.conf \
    if [ -s /run/ovenbird/ca.pem ]; then export PIP_CERT=/run/ovenbird/ca.pem SSL_CERT_FILE=/run/ovenbird/ca.pem; fi \
    && if [ -s /run/ovenbird/pip.conf ]; then export PIP_CONFIG_FILE=/run/ovenbird/pip.conf; fi \
    && python3 -m pip --version >/dev/null 2>&1 \
        || { apt-get update -qq && apt-get install -qqy --no-install-recommends python3-pip; } \
    && python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-input --no-cache-dir \
        --no-deps --only-binary=:all: --require-hashes --target=/opt/ovenbird/site --requirement=builder.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md Dockerfile.base Dockerfile.sdk ./
COPY images ./images
COPY wrapper ./wrapper
COPY builder ./builder
COPY console ./console
# hatchling is in the lock: nothing is fetched from here on
RUN PYTHONPATH=/opt/ovenbird/site python3 -m pip install --quiet --disable-pip-version-check --no-input --no-cache-dir \
        --root-user-action=ignore --no-deps --no-index --no-build-isolation --target=/opt/ovenbird/site . \
    && PYTHONPATH=/opt/ovenbird/site python3 -c 'import ovenbird_builder.build.pipeline'

FROM ${UPSTREAM}
USER 0:0
# newuidmap as a program with one capability, and not as root's: a pod's root may not write the user's own uid_map
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends \
        buildah ca-certificates crun git libcap2-bin netavark skopeo uidmap \
    && chmod u-s,g-s /usr/bin/newuidmap /usr/bin/newgidmap \
    && setcap cap_setuid=ep /usr/bin/newuidmap \
    && setcap cap_setgid=ep /usr/bin/newgidmap \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/ldconfig \
    && useradd --uid 1000 --create-home builder \
    && printf 'builder:100000:65536\n' > /etc/subuid \
    && cp /etc/subuid /etc/subgid
COPY --from=build /opt/ovenbird/site /opt/ovenbird/site
# the whole builder in the user's own namespace, where it is root: it looks into file systems that it has mounted
RUN printf '%s\n' '#!/bin/sh' 'export XDG_RUNTIME_DIR="/tmp/run-$(id -u)" TMPDIR=/tmp' \
        'mkdir -p -m 0700 "$XDG_RUNTIME_DIR" || exit 24' 'exec buildah unshare ovenbird "$@"' > /usr/local/bin/builder \
    && printf '%s\n' '#!/bin/sh' 'PYTHONPATH=/opt/ovenbird/site exec python3 -m ovenbird "$@"' > /usr/local/bin/ovenbird \
    && chmod 755 /usr/local/bin/builder /usr/local/bin/ovenbird
# without pivot_root: of a root that is mounted read-only a user namespace cannot make its own, as buildah 1.39 wants to
ENV BUILDAH_ISOLATION=chroot \
    BUILDAH_NOPIVOT=true \
    STORAGE_DRIVER=overlay \
    OVENBIRD_CACHE_DIR=/home/builder/cache \
    HOME=/home/builder
WORKDIR /home/builder
USER 1000:1000
ENTRYPOINT ["builder"]
CMD ["build", "--help"]
