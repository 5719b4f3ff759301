# syntax=docker/dockerfile:1

# The bot, alone in an image: a static binary, CA certificates and time zones, no shell, no root.
#
#   docker build -t licensebot --build-arg REVISION=$(git rev-parse --short=12 HEAD) .
#   docker run --env-file settings.env -v licensebot:/data licensebot
#
# settings.env has the settings, one NAME=value per line: at least the tokens, COCALC_API_KEY and COCALC_URL.
# The ledger lies in the volume /data. One bot at a time may use it; a second one that is started on the same volume
# says so and ends.

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=container
ARG REVISION=
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION -X main.revision=$REVISION" -o /out/bot ./cmd/bot \
    && mkdir /out/data

# Holds CA certificates and time zones; its user nonroot is 65532.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/bot /bot
# A new volume takes its owner from the folder in the image. /data does not exist there yet, so that --chown holds for
# the folder itself too.
COPY --from=build --chown=65532:65532 /out/data /data
ENV DATABASE=/data/licensebot.db
VOLUME ["/data"]
USER 65532:65532
ENTRYPOINT ["/bot"]
CMD ["run"]
