#!/usr/bin/env bash
# Runs once, on an empty Postgres volume: a database and a user of its own for Airflow, MLflow and the release ledger.
set -euo pipefail

for name in airflow mlflow ledger; do
  variable="${name^^}_DB_PASSWORD"
  psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 --set "name=$name" --set "password=${!variable}" <<'SQL'
CREATE USER :"name" PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
