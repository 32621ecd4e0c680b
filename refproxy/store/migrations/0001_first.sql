-- Written for SQLite and PostgreSQL alike. Times are Unix nanoseconds, 0 for none.

-- How often each kind of rows was changed: what Watch looks at. Every write
-- counts its kind up first, so that writers of one kind go one at a time.
CREATE TABLE changes (kind TEXT PRIMARY KEY, n BIGINT NOT NULL);
INSERT INTO changes (kind, n) VALUES ('accounts', 0), ('credentials', 0), ('flags', 0), ('states', 0);

-- The log is the settings: a flag's last entry is what is in force.
CREATE TABLE flag_log (
	generation BIGINT PRIMARY KEY CHECK (generation > 0),
	at BIGINT NOT NULL,
	who TEXT NOT NULL,
	flag TEXT NOT NULL,
	from_percent DOUBLE PRECISION NOT NULL,
	from_unit TEXT NOT NULL,
	to_percent DOUBLE PRECISION NOT NULL,
	to_unit TEXT NOT NULL,
	evidence TEXT NOT NULL
);
CREATE INDEX flag_log_flag ON flag_log (flag, generation);

-- Which key seals the secrets, in one row.
CREATE TABLE seal (one BIGINT PRIMARY KEY CHECK (one = 1), key_id TEXT NOT NULL);

CREATE TABLE credentials (
	id TEXT PRIMARY KEY,
	label TEXT NOT NULL,
	kind TEXT NOT NULL,
	preview BOOLEAN NOT NULL,
	weight DOUBLE PRECISION NOT NULL,
	disabled TEXT NOT NULL,
	disabled_url TEXT NOT NULL,
	created BIGINT NOT NULL,
	secret TEXT NOT NULL
);

-- Not bound to credentials: those of a configuration have states, too.
CREATE TABLE credential_states (
	credential TEXT NOT NULL,
	model TEXT NOT NULL,
	until BIGINT NOT NULL,
	length BIGINT NOT NULL,
	reason TEXT NOT NULL,
	stamp BIGINT NOT NULL,
	disabled TEXT NOT NULL,
	disabled_url TEXT NOT NULL,
	disabled_at BIGINT NOT NULL,
	requests BIGINT NOT NULL,
	rate_limited BIGINT NOT NULL,
	failed BIGINT NOT NULL,
	input BIGINT NOT NULL,
	output BIGINT NOT NULL,
	PRIMARY KEY (credential, model)
);

CREATE TABLE accounts (name TEXT PRIMARY KEY, password_hash TEXT NOT NULL, created BIGINT NOT NULL);
CREATE TABLE sessions (
	hash TEXT PRIMARY KEY,
	account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires);
