#!/usr/bin/env bash
# Airflow's database, its users and its pools. Running it again changes nothing but the two users' passwords.
set -euo pipefail

airflow db migrate

# Approver: what a Viewer sees, and answering required actions. Not Op, which reads connections and so the lake's keys.
airflow roles create Approver
airflow roles add-perms Approver --resource "HITL Detail" --action can_read can_edit menu_access

user() { # name, role, password
  if airflow users list --output plain | awk '{print $2}' | grep -x "$1" >/dev/null; then
    airflow users reset-password --username "$1" --password "$3"
  else
    airflow users create --username "$1" --role "$2" --password "$3" \
      --firstname "$1" --lastname Airworthy --email "$1@airworthy.invalid"
  fi
}
user admin Admin "$AIRFLOW_ADMIN_PASSWORD"
user approver Viewer "$AIRFLOW_APPROVER_PASSWORD"
airflow users add-role --username approver --role Approver

# Pools come from airflow_settings.yaml, like on a laptop; connections come from AIRFLOW_CONN_*.
python - "${AIRFLOW_SETTINGS:-$AIRFLOW_HOME/airflow_settings.yaml}" <<'PYTHON'
import pathlib, subprocess, sys, yaml

for pool in yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())["airflow"]["pools"]:
    slots = str(pool["pool_slot"])
    subprocess.run(["airflow", "pools", "set", pool["pool_name"], slots, pool["pool_description"]], check=True)
PYTHON
