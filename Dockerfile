# syntax=docker/dockerfile:1.7
# Three images from one set of pins:
#   docker build --target serving .     the inference service, without Airflow, Spark and torch
#   docker build --target trainer .     what a training pod runs
#   docker build .                      Airflow with the DAGs; also Spark's master and worker, and the MLflow server
#
# Checked: its stages and paths by tests/deploy. Not built: the machine this was written on has no container engine.

ARG PYTHON_IMAGE=python:3.11.12-slim-bookworm


# ---- S3 for Spark: the jars that PySpark leaves out, in the versions that Hadoop's own POM names ----
FROM maven:3.9.9-eclipse-temurin-17 AS s3a
# the version of hadoop-client-api in the pinned PySpark; another one fails with NoSuchMethodError
ARG HADOOP_VERSION=3.5.0
WORKDIR /s3a
COPY <<EOT pom.xml
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>airworthy</groupId><artifactId>s3a</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.hadoop</groupId><artifactId>hadoop-aws</artifactId><version>${HADOOP_VERSION}</version>
    </dependency>
  </dependencies>
</project>
EOT
RUN mvn --batch-mode --quiet dependency:copy-dependencies -DoutputDirectory=/s3a/jars \
      -DincludeArtifactIds=hadoop-aws,bundle,analyticsaccelerator-s3 \
 && ls /s3a/jars/hadoop-aws-*.jar /s3a/jars/bundle-*.jar


# ---- What all images share: the operating system's packages and a user without rights ----
FROM ${PYTHON_IMAGE} AS system
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    AIRWORTHY_HOME=/var/lib/airworthy \
    PYTHONPATH=/usr/local/airflow/include:/usr/local/airflow/plugins
RUN useradd --uid 50000 --gid 0 --create-home --home-dir /home/airflow --shell /bin/bash airflow \
 && install -d -o airflow -g 0 -m 0775 /usr/local/airflow /var/lib/airworthy /cluster
WORKDIR /usr/local/airflow


# ---- Serving: the few packages it imports, at the same versions as everywhere ----
FROM system AS serving
COPY requirements.txt ./
# the whole set as constraints, so that a model answers here as it did where it was checked
RUN pip install --constraint requirements.txt \
      deltalake fastapi feast fsspec httptools httpx mlflow numpy onnxruntime orjson prometheus-client pyarrow \
      pydantic pydantic-settings pyyaml redis requests rich typer uvicorn uvloop
COPY --chown=airflow:0 include/ include/
USER airflow
EXPOSE 8600
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8600/ready', timeout=4)"]
# all addresses: inside a container loopback would be reachable by nobody
CMD ["python", "-m", "airworthy.serving", "--host", "0.0.0.0", "--port", "8600"]


# ---- The whole set ----
FROM system AS complete
COPY packages.txt requirements.txt ./
RUN apt-get update \
 && grep -Ev '^\s*(#|$)' packages.txt | xargs apt-get install --yes --no-install-recommends \
 && rm -rf /var/lib/apt/lists/*
# The usual build of torch carries CUDA, as GPU pods need it. Airflow and serving never do: for images that are
# gigabytes smaller, name an index that has torch's CPU builds with --build-arg TORCH_INDEX=...
ARG TORCH_INDEX=
RUN pip install ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} --requirement requirements.txt \
 && pip check


# ---- A training pod: never sees DAGs, the ledger or Airflow's database ----
FROM complete AS trainer
COPY --chown=airflow:0 include/ include/
USER airflow
# the pod's command comes from KubernetesPodOperator; alone, the image says what it can do
CMD ["python", "-m", "airworthy.training.launcher", "--help"]


# ---- Airflow ----
FROM complete AS airflow
COPY --from=s3a /s3a/jars/ /usr/local/lib/python3.11/site-packages/pyspark/jars/
COPY --chown=airflow:0 pyproject.toml airflow_settings.yaml ./
COPY --chown=airflow:0 include/ include/
COPY --chown=airflow:0 plugins/ plugins/
COPY --chown=airflow:0 dags/ dags/
RUN install -d -o airflow -g 0 -m 0775 logs
USER airflow
ENV AIRFLOW_HOME=/usr/local/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/usr/local/airflow/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/usr/local/airflow/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=false
EXPOSE 8080
CMD ["airflow", "api-server"]
