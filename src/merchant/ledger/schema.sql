-- The ledger, version 1. Money is whole fen, times are Unix milliseconds. What may not be in
-- it is refused here too, so that no later program can write it.

CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    order_no TEXT NOT NULL UNIQUE CHECK (length(order_no) BETWEEN 1 AND 64),
    price_fen INTEGER NOT NULL CHECK (price_fen BETWEEN 1 AND 99999999),
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 128),
    subject_id TEXT CHECK (length(subject_id) BETWEEN 1 AND 64),
    ref_order_no TEXT REFERENCES orders (order_no),
    seq INTEGER CHECK (seq BETWEEN 1 AND 11),
    state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'closed', 'mismatch', 'held')),
    trade_no TEXT,
    buyer_logon_id TEXT,
    created_ms INTEGER NOT NULL,
    asked_ms INTEGER,
    hinted_ms INTEGER,
    paid_ms INTEGER,
    closed_ms INTEGER,
    settled_ms INTEGER,
    why TEXT,
    -- One charge per first order and number, whatever its order number.
    UNIQUE (ref_order_no, seq),
    CHECK ((ref_order_no IS NULL) = (seq IS NULL)),
    CHECK ((state IN ('open', 'held')) = (settled_ms IS NULL)),
    CHECK (state <> 'paid' OR (paid_ms IS NOT NULL AND closed_ms IS NULL)),
    CHECK (state <> 'closed' OR closed_ms IS NOT NULL),
    CHECK (state <> 'mismatch' OR why IS NOT NULL)
) STRICT;

CREATE INDEX orders_by_state ON orders (state, id);
CREATE INDEX orders_hinted ON orders (hinted_ms) WHERE hinted_ms IS NOT NULL;

-- The first order of a subscription.
CREATE TABLE plans (
    order_no TEXT NOT NULL PRIMARY KEY REFERENCES orders (order_no),
    interval TEXT NOT NULL CHECK (interval IN ('month', 'season')),
    prices_fen TEXT NOT NULL CHECK (json_valid(prices_fen) AND json_type(prices_fen) = 'array'),
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 128),
    notify_url TEXT NOT NULL CHECK (length(notify_url) BETWEEN 1 AND 1024),
    -- Since when no further charge is to be taken.
    stopped_ms INTEGER
) STRICT;

-- What was sent of a later charge, and what the last request was refused with.
CREATE TABLE attempts (
    order_no TEXT NOT NULL PRIMARY KEY REFERENCES orders (order_no),
    sends INTEGER NOT NULL CHECK (sends >= 1),
    sent_ms INTEGER NOT NULL,
    code TEXT,
    message TEXT,
    refused_ms INTEGER,
    CHECK ((code IS NULL) = (message IS NULL) AND (code IS NULL) = (refused_ms IS NULL))
) STRICT;

-- The outbox: goods that were paid for. A row is made with the state 'paid', in one
-- transaction, and never again.
CREATE TABLE grants (
    id INTEGER PRIMARY KEY,
    order_no TEXT NOT NULL REFERENCES orders (order_no),
    state TEXT NOT NULL CHECK (state IN ('due', 'delivered')),
    tries INTEGER NOT NULL CHECK (tries >= 0),
    due_ms INTEGER NOT NULL,
    delivered_ms INTEGER,
    why TEXT,
    UNIQUE (order_no),
    CHECK ((state = 'delivered') = (delivered_ms IS NOT NULL))
) STRICT;

CREATE INDEX grants_due ON grants (state, due_ms);
