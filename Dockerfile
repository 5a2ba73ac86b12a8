FROM debian:bookworm-slim

WORKDIR /srv/spremnost
# System packages first: they change seldom and stay in the build's cache.
COPY script/packages script/packages
RUN script/packages && rm -rf /var/lib/apt/lists/*

COPY . .
RUN script/bootstrap run

RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin spremnost \
    && install --directory --owner spremnost --group spremnost --mode 0700 /data
USER spremnost
VOLUME /data
ENV PATH=/srv/spremnost/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SPREMNOST_DATA_DIR=/data \
    SPREMNOST_HOST=0.0.0.0
EXPOSE 8000
CMD ["spremnost", "web"]
