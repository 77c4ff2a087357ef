# An endpoint of your own, see docs/serve.md. For CUDA: docker build --build-arg TORCH=cu126 .
FROM python:3.12-slim-bookworm
ARG TORCH=cpu

# libGL and glib are what opencv-python links to
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
RUN pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/${TORCH}
COPY requirements.txt pyproject.toml README.md ./
RUN pip install --no-cache-dir -r requirements.txt "aiohttp>=3.10"
COPY latentsync_core ./latentsync_core
COPY latentsync_lab ./latentsync_lab
RUN pip install --no-cache-dir --no-deps .

RUN useradd --uid 1000 --create-home serve && mkdir /state /models && chown serve /state /models
USER 1000
ENV LATENTSYNC_MODELS=/models
VOLUME ["/state", "/models"]
EXPOSE 8787
# SIGTERM puts the running task back into the queue
STOPSIGNAL SIGTERM
ENTRYPOINT ["latentsync", "serve", "--host", "0.0.0.0", "--folder", "/state", "--keys", "/keys"]
