-- One region's database and its application role; by node.sh, once per region of the cluster.
-- The role owns nothing: it reads and writes through book_writer, and no other region's database lets it in.
\set ON_ERROR_STOP on
\getenv database DB_NAME
\getenv role DB_USER
\getenv password DB_PASSWORD
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';  -- a failing CREATE ROLE shall not put its password into the log

CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"database";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"role";
