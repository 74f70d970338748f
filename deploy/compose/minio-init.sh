#!/bin/sh
# The buckets, and a key that may use them and nothing else. Running it again changes nothing.
set -eu

mc alias set minio http://minio:9000 admin "$MINIO_ROOT_PASSWORD"
mc mb --ignore-existing minio/lake minio/landing minio/mlflow
mc admin user add minio airworthy "$S3_SECRET_KEY"
mc admin policy attach minio readwrite --user airworthy || mc admin user info minio airworthy | grep readwrite >/dev/null
