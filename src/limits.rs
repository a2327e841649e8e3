//! Every bound of the system, with the reason for it. Tests probe limit - 1, limit and
//! limit + 1; documents quote the names.

// ---- money and order facts (protocol/alitv.md section 14) ------------------

/// One fen: nothing is sold for nothing.
pub const AMOUNT_FEN_MIN: i64 = 1;
/// CNY 999,999.99, the platform's largest order.
pub const AMOUNT_FEN_MAX: i64 = 99_999_999;
/// Merchant order number, `[A-Za-z0-9_-]`.
pub const ORDER_ID_BYTES_MAX: usize = 64;
/// App key: what the platform hands out is a decimal string of 8 to 10 digits.
pub const APP_KEY_BYTES_MAX: usize = 32;
/// What the payer reads on the phone; the gateway cuts longer ones.
pub const TITLE_CHARS_MAX: usize = 128;
/// Merchant's product id.
pub const SUBJECT_ID_CHARS_MAX: usize = 64;
/// Server-to-server notification URL.
pub const NOTIFY_URL_BYTES_MAX: usize = 1024;
/// A code must live long enough to take out a phone.
pub const EXPIRES_S_MIN: u32 = 30;
/// Longer than this and a photographed code becomes a liability.
pub const EXPIRES_S_MAX: u32 = 7_200;
/// Lifetime of a code when the caller names none.
pub const EXPIRES_S_DEFAULT: u32 = 300;
/// Text of a code; longer ones make modules too small to scan across a room.
pub const QR_TEXT_BYTES_MAX: usize = 512;
/// Gateway's own trade number, error code.
pub const GATEWAY_TEXT_BYTES_MAX: usize = 128;
/// Sentence for logs that came from outside.
pub const MESSAGE_BYTES_MAX: usize = 512;

// ---- orders per app (reference/reliability.md 4.6) -------------------------

/// Orders of one app that are not final. A TV shows one code at a time.
pub const ORDERS_OPEN_PER_APP_MAX: usize = 8;
/// New orders of one app in a minute, so that a loop in a game cannot wear out the flash.
pub const ORDERS_NEW_PER_MINUTE_MAX: usize = 30;
/// Final orders of one app that wait for an ack; beyond it new orders are refused, since
/// results may not be thrown away.
pub const ORDERS_UNACKED_PER_APP_MAX: usize = 256;
/// Orders kept in memory in all, acked ones included.
pub const ORDERS_KEPT_MAX: usize = 1_024;
/// Acked orders are remembered this long, so that a repeated `pay` finds them.
pub const ORDER_KEPT_ACKED_MS: i64 = 30 * 24 * 3_600_000;

// ---- account, web pages, lottery, gifts ------------------------------------

/// The platform's id of a user.
pub const USER_ID_BYTES_MAX: usize = 64;
/// Session of a user, or the confirmKey of a draw.
pub const TOKEN_BYTES_MAX: usize = 256;
/// Nick of a user, name of an award or activity, and other short texts of the gateway: longer
/// ones are cut.
pub const NAME_CHARS_MAX: usize = 64;
/// A description of an award: longer ones are cut.
pub const AWARD_TEXT_CHARS_MAX: usize = 128;
/// What a subscriber is entitled to, in words.
pub const DESCRIPTION_CHARS_MAX: usize = 256;
/// A link that comes from the gateway; longer ones are left out.
pub const LINK_BYTES_MAX: usize = 1024;
/// What names a lottery activity, or the behaviour that earns a draw.
pub const EVENT_KEY_BYTES_MAX: usize = 64;
/// Activities of one answer; the rest is left out.
pub const ACTIVITIES_MAX: usize = 32;
/// Awards of one activity; the rest is left out.
pub const AWARDS_MAX: usize = 16;
/// Awards of one payment, so that its final record stays under `RECORD_BYTES_MAX`; the rest
/// is left out.
pub const ORDER_AWARDS_MAX: usize = 2;
/// Gifts of one answer; the rest is left out.
pub const GIFTS_MAX: usize = 100;
/// Items that one query of a merchant's server may name: what the platform's own query for
/// boxes takes.
pub const GIFT_QUERY_ITEMS_MAX: usize = 20;
/// Parameters of a web page.
pub const WEB_PARAMS_MAX: usize = 32;
/// Name of a parameter of a web page.
pub const WEB_PARAM_NAME_BYTES_MAX: usize = 64;
/// Value of a parameter of a web page.
pub const WEB_PARAM_VALUE_BYTES_MAX: usize = 512;
/// What names an opening of a web page; ours are shorter.
pub const WEB_ID_BYTES_MAX: usize = 64;
/// A page's URL with its parameters.
pub const WEB_URL_BYTES_MAX: usize = 8 * 1024;
/// A page that nobody says is closed counts as closed after this, unless the caller says how long.
pub const WEB_OPEN_S_DEFAULT: u32 = 600;
/// Shortest time that a caller may give a page.
pub const WEB_OPEN_S_MIN: u32 = 10;
/// Longest time that a caller may give a page.
pub const WEB_OPEN_S_MAX: u32 = 7_200;
/// Charges of a subscription by month, the first one included (seed 002, 2.4.1.3).
pub const RENEWAL_MONTHS_MAX: usize = 12;
/// Charges of a subscription by season, the first one included.
pub const RENEWAL_SEASONS_MAX: usize = 4;
/// Look-ups of one app that wait for the gateway, so that the others find a place.
pub const LOOKUPS_PER_APP_MAX: usize = 16;
/// Attempts to sign in of one app in a minute, so that a loop in a game cannot flood the
/// gateway with codes.
pub const AUTHS_NEW_PER_MINUTE_MAX: usize = 12;
/// An attempt to sign in that has no code after this has failed: nobody looks at an empty
/// screen for longer.
pub const AUTH_START_MS: u64 = 60_000;
/// Seconds between two questions about a code to sign in with, where the gateway names none
/// (RFC 8628).
pub const AUTH_INTERVAL_S_DEFAULT: u32 = 5;
/// A gateway that names less is asked this often all the same.
pub const AUTH_INTERVAL_S_MIN: u32 = 5;
/// A person who has signed in on the phone looks at the TV: no gateway may ask for longer.
pub const AUTH_INTERVAL_S_MAX: u32 = 60;
/// Added to the interval whenever the gateway says that it is asked too often (RFC 8628).
pub const AUTH_SLOW_DOWN_MS: u64 = 5_000;
/// What the platform has switched on is asked again when the last answer is this old and
/// somebody needs it.
pub const PROFILE_AGE_MS: u64 = 10 * 60_000;
/// First wait before asking again what the platform has switched on; doubled up to
/// `PROFILE_RETRY_MS_MAX`.
pub const PROFILE_RETRY_MS_MIN: u64 = 5_000;
/// Longest such wait: a box that is off the net must not be busy with this.
pub const PROFILE_RETRY_MS_MAX: u64 = 15 * 60_000;
/// Look-ups of one connection that wait for the gateway.
pub const LOOKUPS_PER_SESSION_MAX: usize = 8;

// ---- timing of an order ----------------------------------------------------

/// First query after the code is shown, and then every so often (seed 003).
pub const POLL_MS: u64 = 5_000;
/// Two queries of one order are never closer than this, whatever asks for them.
pub const POLL_MS_MIN: u64 = 1_000;
/// First wait after an answer that cannot be trusted; doubled up to `BACKOFF_MS_MAX`.
pub const BACKOFF_MS_MIN: u64 = 1_000;
/// Longest wait between two tries while a person may be looking at the screen.
pub const BACKOFF_MS_MAX: u64 = 60_000;
/// Wait between two tries of an order that is closing, a draw or a gift, after
/// `CLOSING_FAST_TRIES`.
pub const CLOSING_SLOW_MS: u64 = 15 * 60_000;
/// Tries at most `BACKOFF_MS_MAX` apart before `CLOSING_SLOW_MS` applies.
pub const CLOSING_FAST_TRIES: u32 = 30;
/// A gateway that gives no usable answer for this long makes the order UNKNOWN.
pub const DOUBT_MS: u64 = 30_000;
/// "No such trade" after a code was shown is final only this long after its expiry.
pub const EXPIRY_GRACE_MS: i64 = 60_000;
/// A final result is told again after these waits, the last one repeating, until acked.
pub const RETELL_MS: [u64; 5] = [1_000, 5_000, 30_000, 300_000, 3_600_000];
/// Pause when a gateway says "too often" and names no time.
pub const THROTTLE_S_DEFAULT: u32 = 5;
/// Longest pause that a gateway may ask for.
pub const THROTTLE_S_MAX: u32 = 3_600;
/// Sequence numbers jump by this at a restart, past any that were told but not journalled:
/// one a second for as long as a code can live is far less.
pub const SEQUENCE_RESTART_GAP: u64 = 1 << 20;

/// A draw is sent, or sent again with its id, only while it is this young: later nobody stands
/// before the screen who wants it. Older ones are only looked up.
pub const DRAW_SEND_MS: u64 = 60_000;
/// "No such draw" is final only this long after the last request to draw: a gateway takes a
/// timestamp that is 10 minutes off, and ours may have been ahead by as much when the request
/// was signed, so that for 20 minutes it may still arrive.
pub const DRAW_GRACE_MS: u64 = 21 * 60_000;

/// Age of the gateway's clock reading at which a new order asks for it again.
pub const PROBE_AGE_MS_MAX: u64 = 24 * 3_600_000;

// ---- held queries (DESIGN.md section 4) ------------------------------------

/// Longest `wait_s` that we ask a gateway to hold a query.
pub const WAIT_S_MAX: u32 = 20;
/// Calls in flight at once: one worker thread each.
pub const WORKERS: usize = 4;
/// Of those, how many may be look-ups, so that a game that makes many holds up no payment.
pub const LOOKUP_WORKERS: usize = 2;
/// Of those, how many may be held queries, so that precreate and close find a worker.
pub const HELD_MAX: usize = 2;

// ---- HTTP (reference/reliability.md 4.5) -----------------------------------

/// Deadline of one call, from name resolution to the last byte.
pub const HTTP_DEADLINE_S: u64 = 10;
/// What a held query gets beyond its `wait_s`.
pub const HTTP_HELD_EXTRA_S: u64 = 5;
/// Body of an answer.
pub const HTTP_BODY_BYTES_MAX: usize = 256 * 1024;
/// All headers of an answer.
pub const HTTP_HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Number of headers of an answer.
pub const HTTP_HEADERS_MAX: usize = 64;
/// Status line of an answer.
pub const HTTP_STATUS_LINE_BYTES_MAX: usize = 1024;
/// Exchanges that may exist at once, those left behind at their deadline included.
pub const HTTP_THREADS_MAX: usize = 8;
/// Exchanges with peers that are not gateways that may exist at once, those left behind at
/// their deadline included: several receivers that hang, and room for those that do not.
pub const FETCH_THREADS_MAX: usize = 128;
/// Stack of a worker and of an exchange.
pub const WORKER_STACK_BYTES: usize = 256 * 1024;
/// Calls that wait for a worker: all orders of eight busy apps.
pub const CALLS_QUEUED_MAX: usize = 64;
/// Nesting of JSON from outside.
pub const JSON_DEPTH_MAX: usize = 16;
/// One string of JSON from outside, a member's name included.
pub const JSON_STRING_BYTES_MAX: usize = 4_096;
/// Parameters of one TOP request, common ones included.
pub const TOP_PARAMS_MAX: usize = 64;
/// What names a box to the gateway.
pub const DEVICE_ID_BYTES_MAX: usize = 64;
/// The nonce of a device request; ours are 32 hexadecimal digits.
pub const NONCE_BYTES_MAX: usize = 64;

// ---- journal ---------------------------------------------------------------

/// One segment. Two are preallocated, so that a full disk cannot stop a PAID record.
pub const SEGMENT_BYTES: u64 = 1024 * 1024;
/// A new order is refused when less than this is left; finals and acks may use it.
pub const JOURNAL_RESERVE_BYTES: u64 = 64 * 1024;
/// Compaction starts when the active segment holds this much.
pub const COMPACT_BYTES: u64 = 256 * 1024;
/// Wait before a compaction is tried again that found no room.
pub const COMPACT_PAUSE_MS: u64 = 60_000;
/// One record, CRC and newline included.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;
/// The journal's header file: one sector, so that a device writes it whole or not at all.
pub const JOURNAL_HEADER_BYTES: usize = 512;

// ---- socket (reference/c-abi.md 2.2, reference/reliability.md 4.6) ---------

/// One line, newline included.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// What a connection keeps to read into between two lines.
pub const LINE_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes that wait for a slow peer before it is dropped; nothing is lost by that, the
/// next `watch` starts with a snapshot.
pub const SEND_QUEUE_BYTES_MAX: usize = 256 * 1024;
/// Connections in all.
pub const SESSIONS_MAX: usize = 64;
/// Rounds in which a stopping server still carries out what it was told before.
pub const LAST_ROUNDS_MAX: usize = 16;
/// Connections of one uid.
pub const SESSIONS_PER_UID_MAX: usize = 8;
/// Of `SESSIONS_MAX`, kept for uid 0 and the daemon's own uid.
pub const SESSIONS_RESERVED: usize = 2;
/// New connections of one uid in a second.
pub const SESSIONS_NEW_PER_S_MAX: usize = 20;
/// A started line must be finished within this.
pub const LINE_DEADLINE_MS: u64 = 10_000;
/// A half-closed connection stays for its answers at most this long.
pub const HALF_CLOSED_MS: u64 = 60_000;
/// Request id given as text.
pub const REQUEST_ID_BYTES_MAX: usize = 64;
/// What a caller calls itself in `hello`.
pub const CLIENT_NAME_CHARS_MAX: usize = 128;
/// Lines of one connection that are carried out before the others have their turn.
pub const ROUND_LINES_MAX: usize = 64;
/// Connections taken in one round.
pub const ROUND_ACCEPTS_MAX: usize = 16;
/// Pause of the listener when there is no descriptor left, instead of spinning.
pub const ACCEPT_PAUSE_MS: u64 = 100;
/// Orders in one answer.
pub const ORDERS_LIST_MAX: usize = 100;
/// `sun_path` of a Unix socket, without its NUL.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

// ---- client ----------------------------------------------------------------

/// Clients open at once in one process.
pub const CLIENTS_MAX: usize = 64;
/// Events held before progress is dropped, when the caller names no number.
pub const EVENTS_DEFAULT: usize = 64;
/// Most events a caller may ask to hold.
pub const EVENTS_MAX: usize = 4_096;
/// Requests that wait for an answer, queued ones included.
pub const REQUESTS_MAX: usize = 64;
/// First wait before connecting again; doubled up to `RECONNECT_MS_MAX`, 20 % jitter.
pub const RECONNECT_MS_MIN: u64 = 500;
/// Longest wait before connecting again.
pub const RECONNECT_MS_MAX: u64 = 60_000;
/// A connection that held this long makes the next wait `RECONNECT_MS_MIN` again.
pub const RECONNECT_STEADY_MS: u64 = 10_000;
/// A server that does not answer `hello` and `watch` within this is given up.
pub const GREETING_MS: u64 = 10_000;
/// Bytes read from the socket in one pass, so that a flood cannot hold up a frame.
pub const READ_PASS_BYTES: usize = 256 * 1024;
/// Name of a method.
pub const METHOD_BYTES_MAX: usize = 64;
/// Orders, draws and gifts that a client follows: what is open or not acked, of all its apps.
pub const MIRROR_ORDERS_MAX: usize = 1_024;
/// Events that one `alitv_dispatch` delivers, so that a backlog is spread over frames.
pub const DISPATCH_MAX: usize = 256;
/// Lines of an engine's log that wait for their reader; older ones are dropped.
pub const LOG_LINES_MAX: usize = 64;
/// Path in an option struct.
pub const PATH_BYTES_MAX: usize = 4_096;
/// Text given to the QR encoder: what version 40 at level M holds in bytes.
pub const QR_ENCODE_BYTES_MAX: usize = 2_331;

// ---- renewal (reference/reliability.md, the renewal state machine) ----------

/// Requests for one charge in one round, all of the same order number: after a lost answer
/// the platform's "no such order" is worth another try, but not many.
pub const RENEW_SENDS_MAX: u32 = 3;
/// Questions about one charge in one round.
pub const RENEW_ASKS_MAX: u32 = 8;
/// Wait between two questions about a charge whose money the platform waits for.
pub const RENEW_ASK_MS: u64 = 5_000;
/// A charge that failed for want of money is tried again by itself after this: once a day
/// for a run at the same hour, which may be early by some minutes.
pub const RENEW_AGAIN_MS: i64 = 20 * 3_600_000;
/// Charges one after the other without an answer after which a run gives up.
pub const RENEW_DOUBTS_MAX: usize = 3;
/// Charges of one run, unless it is told otherwise.
pub const RENEW_LIMIT_DEFAULT: usize = 10_000;
/// How long a round waits for the outcome of one charge, unless it is told otherwise.
pub const RENEW_WAIT_S_DEFAULT: u32 = 30;
/// Longest such wait that can be asked for.
pub const RENEW_WAIT_S_MAX: u32 = 3_600;

// ---- log and configuration -------------------------------------------------

/// Log file of the daemon; at this size it moves to `.1` and starts anew.
pub const LOG_FILE_BYTES_MAX: u64 = 256 * 1024;
/// Configuration file.
pub const CONFIG_BYTES_MAX: u64 = 256 * 1024;
/// Apps in one configuration.
pub const APPS_MAX: usize = 64;
/// Users that may act for one app.
pub const UIDS_PER_APP_MAX: usize = 64;
/// Hosts that codes may lead to.
pub const QR_HOSTS_MAX: usize = 16;
/// Descriptors that a daemon asks for: connections, calls, the journal and some to spare.
pub const DESCRIPTORS_WANTED: u64 = 1_024;
/// Secret of an app.
pub const SECRET_BYTES_MAX: usize = 128;

// ---- RSA keys of a merchant ------------------------------------------------

/// What the seeds make with openssl; below it a key can be broken at home.
pub const RSA_BITS_MIN: usize = 1024;
/// Decryption costs eight times as much for each doubling, and strangers can ask for it.
pub const RSA_BITS_MAX: usize = 4096;
/// Below this a key is taken with a warning.
pub const RSA_BITS_WEAK: usize = 2048;
/// Text of a key: a private one of `RSA_BITS_MAX` bits has some 3.3 KB as PEM.
pub const KEY_TEXT_BYTES_MAX: usize = 16 * 1024;
/// Blocks of one encrypted text: 2,808 bytes for a key of 1024 bits, where the longest answer
/// of an order query, with every character of its subject escaped, has some 2,500.
pub const BLOCKS_MAX: usize = 24;

// ---- command line ----------------------------------------------------------

/// A clock that is further from the gateway's than this is worth a word, although the gateway
/// takes ten times as much.
pub const DOCTOR_SKEW_MS: i64 = 60_000;
/// Part of a library or a header that is looked through for its version: the static library
/// has some 30 MiB.
pub const DOCTOR_FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Disk that the merchant's ledger should have left.
pub const DOCTOR_LEDGER_BYTES: u64 = 16 * 1024 * 1024;
/// What a command waits for the daemon's answer; longer than a client's own greeting.
pub const CLI_ANSWER_MS: u64 = 15_000;

// ---- the merchant's side ---------------------------------------------------

/// Base64 of one notify: 24 blocks of a 1024-bit key, or 4 of a 4096-bit one, and ten times
/// what its four members need. Each block costs the receiver one RSA decryption.
pub const NOTIFY_DATA_BYTES_MAX: usize = 4_096;
/// Query string, or form body, of one notify: `data` with every byte percent-encoded, and as
/// much again as a notify URL may have of its own.
pub const NOTIFY_INPUT_BYTES_MAX: usize = 3 * NOTIFY_DATA_BYTES_MAX + NOTIFY_URL_BYTES_MAX;
/// Notifies of one source in a second, over some time (reference/reliability.md 4.8). Each
/// may cost an RSA decryption for each of its blocks.
pub const NOTIFY_PER_SOURCE_PER_S: u32 = 10;
/// Notifies of one source at once, after a pause: what a shop sells in a busy moment. What is
/// refused comes again.
pub const NOTIFY_SOURCE_BURST: u32 = 50;
/// Sources that are remembered; a new one takes the place of the one that was quiet longest.
pub const NOTIFY_SOURCES_MAX: usize = 1_024;
/// Between two questions about one order that notifies cause: who forges them for an order
/// that waits for its payer must not use up the calls of a day.
pub const NOTIFY_COOL_DOWN_MS: i64 = 10_000;
/// An order that has waited long for its payer is asked about less often: the pause is its
/// age divided by this, which makes some 200 questions in the first day at most.
pub const NOTIFY_COOL_DOWN_AGE_PARTS: i64 = 16;
/// Longest such pause: a payer waits for his goods.
pub const NOTIFY_COOL_DOWN_MS_MAX: i64 = 15 * 60_000;
/// How long a copy of a notify waits for the one that asks: the platform hangs up after 10 s.
pub const NOTIFY_WAIT_MS: u64 = 8_000;
/// Questions at once: each keeps a thread for up to `HTTP_DEADLINE_S`.
pub const NOTIFY_ASKS_MAX: usize = 8;
/// Copies that wait at once. With those that ask they leave one of `NOTIFY_WORKERS` free, so
/// that calls that need no question are answered at any time.
pub const NOTIFY_WAITERS_MAX: usize = 7;
/// Questions of one `tick`, one after the other.
pub const NOTIFY_TICK_ASKS_MAX: usize = 16;
/// How long a call waits for another process that writes to the same ledger. A write takes
/// milliseconds; a process that holds it longer hangs.
pub const LEDGER_BUSY_MS: u64 = 5_000;
/// Between two attempts to open a ledger that another process is just making.
pub const LEDGER_RETRY_MS: u64 = 10;
/// Prepared statements that a ledger keeps: all that its calls have.
pub const LEDGER_STATEMENTS_MAX: usize = 64;
/// Orders, or grants, of one page of the ledger.
pub const LEDGER_LIST_MAX: usize = 1_000;

/// Standard input of the commands that sign, encrypt and decrypt: whole messages, no files.
pub const CLI_TEXT_BYTES_MAX: usize = 1024 * 1024;

// ---- sandbox ---------------------------------------------------------------

/// A confirmKey of a draw is valid this long, and may be this far ahead.
pub const CONFIRM_KEY_MS: i64 = 600_000;
/// Users of the sandbox.
pub const SANDBOX_USERS_MAX: usize = 1_000;
/// Sessions at once; beyond it the oldest ends.
pub const SANDBOX_SESSIONS_MAX: usize = 1_000;
/// Attempts to sign in that are remembered.
pub const SANDBOX_ATTEMPTS_MAX: usize = 1_000;
/// Lifetime of a code to sign in with.
pub const SANDBOX_AUTH_EXPIRES_MS: i64 = 180_000;
/// Seconds between two questions about an attempt.
pub const SANDBOX_AUTH_INTERVAL_S: u32 = 5;
/// A question may come so much earlier, since networks are not even.
pub const SANDBOX_POLL_SLACK_MS: i64 = 500;
/// Draws that are remembered.
pub const SANDBOX_DRAWS_MAX: usize = 10_000;
/// Gift records.
pub const SANDBOX_GIFTS_MAX: usize = 10_000;
/// Gift records of one answer to a merchant's server, so that it stays under
/// `HTTP_BODY_BYTES_MAX`; the rest is left out.
pub const SANDBOX_COIN_RECORDS_MAX: usize = 500;
/// Distance between `ts` and the gift gateway's clock that is still accepted: "a few minutes",
/// as the platform says it.
pub const COIN_SKEW_MS_MAX: i64 = 600_000;
/// Products that may win something.
pub const SANDBOX_PRODUCTS_MAX: usize = 1_000;
/// Lines of what has happened.
pub const SANDBOX_EVENTS_MAX: usize = 1_000;
/// Points of a user, price of a draw, worth of an award: what a 32-bit reader can hold.
pub const SANDBOX_POINTS_MAX: i64 = i32::MAX as i64;
/// Text of the sandbox's own web pages.
pub const SANDBOX_PAGE_CHARS_MAX: usize = 2_000;
/// Seed file.
pub const SANDBOX_SEED_BYTES_MAX: u64 = 1024 * 1024;
/// Orders the sandbox keeps; beyond it the oldest finished one is forgotten, and a new one
/// is refused while none is finished.
pub const SANDBOX_ORDERS_MAX: usize = 10_000;
/// How long a charge of a subscription waits for its payer in the scenario `renewal.wait`.
pub const SANDBOX_CHARGE_WAIT_MS: i64 = 86_400_000;
/// How many days before it is due a charge may be taken: no more than the shortest month, so
/// that two charges are never due at once.
pub const SANDBOX_EARLY_DAYS_MAX: u32 = 28;
/// Scenarios that wait for their orders.
pub const SANDBOX_PLANS_MAX: usize = 256;
/// Orders that one planned scenario is for.
pub const SANDBOX_PLAN_ORDERS_MAX: u32 = 1_000;
/// Calls that a flow limit of an app may allow: more than a sandbox answers in a day.
pub const SANDBOX_FLOW_CALLS_MAX: u32 = 1_000_000_000;
/// Span of a flow limit. The platform counts by the day at most.
pub const SANDBOX_FLOW_SPAN_S_MAX: u32 = 86_400;
/// Addresses in the IP white list of an app.
pub const SANDBOX_WHITELIST_MAX: usize = 64;
/// Spoilt answers of one order.
pub const SANDBOX_TIMES_MAX: u32 = 1_000;
/// Calls at the gateway that the operator's page looks back on.
pub const SANDBOX_CALLS_MAX: usize = 1_000;
/// Each text of such a call; longer ones are cut.
pub const SANDBOX_CALL_CHARS_MAX: usize = 200;
/// Connections at once; more wait in the listen queue.
pub const SANDBOX_CONNECTIONS_MAX: usize = 2_048;
/// Queries held at once; more are answered at once.
pub const SANDBOX_HELD_MAX: usize = 1_024;
/// Body of a request: a precreate has at most some 4 KiB.
pub const SANDBOX_BODY_BYTES_MAX: usize = 64 * 1024;
/// One step of the sandbox's clock: ten years, far within what a timestamp can say.
pub const SANDBOX_ADVANCE_S_MAX: i64 = 10 * 366 * 86_400;
/// How far the sandbox's clock can be moved ahead in all.
pub const SANDBOX_AHEAD_S_MAX: i64 = 100 * 366 * 86_400;
/// Distance between `timestamp` and the gateway's clock that is still accepted.
pub const TOP_SKEW_MS_MAX: i64 = 600_000;
/// How long a "time-out" keeps a caller: longer than any deadline of ours.
pub const SANDBOX_HANG_MS: u64 = 40_000;
/// Lifetime of a code in the scenario `expire`.
pub const SANDBOX_EXPIRE_MS: i64 = 3_000;
/// Scenarios that play by themselves scan the code this long after it was made,
pub const SANDBOX_SCAN_MS: i64 = 500;
/// and pay, cancel or fail to pay after this.
pub const SANDBOX_ACT_MS: i64 = 1_000;
/// `success.slow` pays after this.
pub const SANDBOX_SLOW_MS: i64 = 30_000;
/// What a caller is told to wait in the scenario `gateway.throttle`.
pub const SANDBOX_BAN_S: u32 = 2;
/// Characters of a code in the page's path.
pub const SANDBOX_CODE_CHARS: usize = 6;
/// Notifies the sandbox keeps, as many as orders; beyond it the oldest one that is over is
/// forgotten, and a new one is not taken up while all wait.
pub const SANDBOX_NOTIFIES_MAX: usize = 10_000;
/// Attempts of one notify that are shown: the whole ladder twice.
pub const SANDBOX_NOTIFY_ATTEMPTS_MAX: usize = 16;
/// Waits before each attempt to send a notify, in seconds; then it is given up (protocol notes
/// 6.3, Alipay's own scheme).
pub const SANDBOX_NOTIFY_LADDER_S: [i64; 8] = [0, 240, 600, 600, 3_600, 7_200, 21_600, 54_000];
/// First wait in the scenario `notify.late`.
pub const SANDBOX_NOTIFY_LATE_S: i64 = 60;
/// In the scenario `notify.reordered`, how long a notify waits for a later one at most.
pub const SANDBOX_NOTIFY_HELD_S: i64 = 3_600;
/// Waits of notifies are divided by at most this: the shortest is then 24 ms.
pub const SANDBOX_NOTIFY_SCALE_MAX: u32 = 10_000;
/// Deadline of one attempt, from name resolution to the last byte (protocol notes 6.3).
pub const SANDBOX_NOTIFY_DEADLINE_S: u64 = 10;
/// What is read of the answer to a notify (protocol notes 6.3).
pub const SANDBOX_NOTIFY_ANSWER_BYTES_MAX: usize = 1_024;
/// What is kept of that answer, or of the reason why there is none, to be shown.
pub const SANDBOX_NOTIFY_ANSWER_CHARS_MAX: usize = 200;
/// Notifies on their way at once: one of each app.
pub const SANDBOX_SENDS_MAX: usize = APPS_MAX;
/// An app has several on their way only while there are fewer than this in all,
pub const SANDBOX_SENDS_SHARED_MAX: usize = 32;
/// and so many at most, so that a receiver that hangs ties up no more.
pub const SANDBOX_SENDS_PER_APP_MAX: usize = 4;
/// State file: orders, draws, gifts and activities of the largest size, as many as there can be.
pub const SANDBOX_STATE_BYTES_MAX: u64 = 256 * 1024 * 1024;

// ---- merchant --------------------------------------------------------------

/// Networks that notifies may come from: each call is compared with all of them.
pub const NETWORKS_MAX: usize = 64;
/// Connections of notify's sources at once: the platform's retries of a bad hour, twice.
pub const NOTIFY_CONNECTIONS_MAX: usize = 256;
/// Connections of everybody else, who is answered `fail` in any case.
pub const NOTIFY_STRANGERS_MAX: usize = 16;
/// A request must be there, head and body, within this; the platform gives up after 10 s.
pub const NOTIFY_READ_MS: u64 = 10_000;
/// Answers leave at multiples of this after the request: longer than decrypting, the ledger
/// and most questions to the platform take, so that the time tells nobody how far it came.
pub const NOTIFY_FLOOR_MS: u64 = 500;
/// Calls that are judged at once. Each may wait for the platform's answer.
pub const NOTIFY_WORKERS: usize = 16;
/// Headers of a call; a proxy adds some to the platform's few.
pub const NOTIFY_HEADERS_MAX: usize = 64;
/// Head of a call: a query string of the largest size, and headers.
pub const NOTIFY_HEAD_BYTES_MAX: usize = NOTIFY_INPUT_BYTES_MAX + HTTP_HEADERS_BYTES_MAX;
/// What a peer gets to take the answer, and then to end what it was still sending.
pub const NOTIFY_LINGER_MS: u64 = 1_000;
/// What calls get to their end when the receiver stops: as long as a question to the platform.
pub const NOTIFY_DRAIN_MS: u64 = 15_000;
/// Orders of one imported file, which is one transaction.
pub const IMPORT_ORDERS_MAX: usize = 10_000;
/// Bytes of such a file: as many orders with room for their texts.
pub const IMPORT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Between two looks into the ledger for goods to hand out, when nothing says that there are
/// some: another process may have granted them.
pub const DELIVER_POLL_MS: u64 = 1_000;
/// Goods handed out at once, each by a process or a request of its own.
pub const DELIVER_WORKERS: usize = 4;
/// Goods of one look into the ledger.
pub const DELIVER_PASS_MAX: usize = 64;
/// A program that hands out goods is ended after this: one that hangs must not hold up others.
pub const DELIVER_DEADLINE_S: u64 = 30;
/// Wait after the first failure to hand goods out; doubled up to `DELIVER_BACKOFF_MS_MAX`.
pub const DELIVER_BACKOFF_MS_MIN: i64 = 1_000;
/// Longest such wait: what failed for a day is handed out within this once it works.
pub const DELIVER_BACKOFF_MS_MAX: i64 = 15 * 60_000;
/// What is read of the answer of whom goods are forwarded to; only its status counts.
pub const DELIVER_ANSWER_BYTES_MAX: usize = 1_024;
/// Between two questions about orders whose notifies wait.
pub const NOTIFY_TICK_MS: u64 = 2_000;
/// Questions a second of a reconciliation: the platform's limits are for notifies and
/// customers as well.
pub const RECONCILE_PER_S_MAX: u32 = 50;
/// Questions without an answer, one after the other, that end a reconciliation.
pub const RECONCILE_DOUBTS_MAX: usize = 5;
/// How often a reconciliation waits for a platform that wants fewer calls.
pub const RECONCILE_WAITS_MAX: usize = 20;
