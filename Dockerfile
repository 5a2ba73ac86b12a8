FROM debian:bookworm-slim

WORKDIR /srv/spremnost
# System packages first: they change seldom and stay in the build's cache.
COPY script/packages script/packages
RUN script/packages && rm -rf /var/lib/apt/lists/*

# The kernels that bootstrap compiles go where the application can write: numba refuses a cache that it can only read.
ENV NUMBA_CACHE_DIR=/data/numba
COPY . .
RUN script/bootstrap run

RUN useradd --system --uid 900 --home-dir /nonexistent --shell /usr/sbin/nologin spremnost \
    && chmod 0700 /data \
    && chown --recursive spremnost:spremnost /data
USER spremnost
VOLUME /data
ENV PATH=/srv/spremnost/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SPREMNOST_DATA_DIR=/data \
    SPREMNOST_HOST=0.0.0.0
EXPOSE 8000
CMD ["spremnost", "web"]
