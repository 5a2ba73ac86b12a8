#!/bin/bash
# Run once by the database image: the role that serves, which owns nothing and sees only what it is granted.
set -euo pipefail
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
    --set=password="$SPREMNOST_APP_PASSWORD" <<'SQL'
CREATE ROLE spremnost_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'password';
SQL
