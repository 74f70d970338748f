#!/usr/bin/env bash
# Writes .env from .env.example with a fresh secret for every empty value. Never overwrites one.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -e .env ]; then
  echo ".env is there already; its secrets are in use by the volumes. Delete it only together with them." >&2
  exit 1
fi
umask 077
unfinished=$(mktemp .env.XXXXXX)
trap 'rm -f "$unfinished"' EXIT
while IFS= read -r line; do
  case "$line" in
    AIRFLOW_FERNET_KEY=) echo "$line$(openssl rand -base64 32 | tr '+/' '-_')" ;;
    [A-Z]*=) echo "$line$(openssl rand -hex 24)" ;;
    *) printf '%s\n' "$line" ;;
  esac
done <.env.example >"$unfinished"
mv "$unfinished" .env
echo "wrote .env; sign in to Airflow as admin or approver with the passwords in it"
