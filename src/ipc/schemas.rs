//! The objects of the protocol as `openrpc` describes them: members, their types, and whether
//! they are always there.

/// One member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub is: Type,
    /// It is always there.
    pub required: bool,
}

/// What a member is.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// A string.
    Text,
    /// An integer.
    Integer,
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A state of an order, draw or gift.
    State,
    /// A result code.
    Code,
    /// A list of strings.
    Texts,
    /// An object of this name.
    One(&'static str),
    /// A list of objects of this name.
    Many(&'static str),
}

const fn must(name: &'static str, is: Type) -> Field {
    Field { name, is, required: true }
}

const fn may(name: &'static str, is: Type) -> Field {
    Field { name, is, required: false }
}

const INTERVAL: Type = Type::Word(&["month", "season"]);
const PAGE: Type = Type::Word(&["start", "custom", "exit"]);
const ACCOUNT: Type = Type::Word(&["signed_out", "signed_in", "authorised"]);
const PHASE: Type = Type::Word(&["started", "code", "scanned", "success", "cancelled", "failed"]);
const LUCKY: Type = Type::Word(&["free", "consuming", "mixed"]);
const GIFT: Type = Type::Word(&["pending", "activated", "expired"]);
const LEVEL: Type = Type::Word(&["error", "warn", "info", "debug"]);

/// Kinds of `event`, and what else the event holds.
pub const EVENTS: &[(&str, &str)] = &[
    ("qr", "Report"),
    ("order", "Report"),
    ("draw", "DrawReport"),
    ("gift", "GiftReport"),
    ("account", "AccountReport"),
    ("profile", "AppProfile"),
    ("web", "WebReport"),
];

/// All objects by name.
pub const SCHEMAS: &[(&str, &[Field])] = &[
    ("Nothing", &[]),
    (
        "Welcome",
        &[
            must("protocol", Type::Integer),
            must("server", Type::Text),
            must("app_keys", Type::Texts),
            must("environment", Type::Text),
            must("features", Type::Texts),
        ],
    ),
    (
        "Status",
        &[
            must("server", Type::Text),
            must("environment", Type::Text),
            must("gateway", Type::Text),
            must("gateway_online", Type::Flag),
            must("gateway_result", Type::Code),
            may("clock_offset_ms", Type::Integer),
            must("orders_open", Type::Integer),
            must("orders_unacked", Type::Integer),
            must("journal_bytes", Type::Integer),
            must("uptime_s", Type::Integer),
        ],
    ),
    ("Version", &[must("sdk_version", Type::Text), must("server", Type::Text)]),
    ("LogLine", &[must("level", LEVEL), must("message", Type::Text)]),
    (
        "Snapshot",
        &[
            must("orders", Type::Many("Report")),
            may("draws", Type::Many("DrawReport")),
            may("gifts", Type::Many("GiftReport")),
            must("apps", Type::Many("AppSnapshot")),
            may("more", Type::Flag),
        ],
    ),
    (
        "AppSnapshot",
        &[
            must("account", Type::One("AccountReport")),
            may("profile", Type::One("Profile")),
            may("web", Type::One("WebReport")),
        ],
    ),
    ("Orders", &[must("orders", Type::Many("Report")), may("more", Type::Flag)]),
    (
        "Report",
        &[
            must("app_key", Type::Text),
            must("order_id", Type::Text),
            must("state", Type::State),
            must("sequence", Type::Integer),
            must("amount_fen", Type::Integer),
            must("title", Type::Text),
            may("subject_id", Type::Text),
            may("trade_no", Type::Text),
            may("qr_text", Type::Text),
            may("expires_s", Type::Integer),
            may("result", Type::Code),
            may("gateway_code", Type::Text),
            may("message", Type::Text),
            must("created_ms", Type::Integer),
            may("paid_ms", Type::Integer),
            may("awards", Type::Many("Award")),
            may("interval", INTERVAL),
            may("user_id", Type::Text),
            may("acked", Type::Flag),
        ],
    ),
    (
        "DrawReport",
        &[
            must("app_key", Type::Text),
            must("draw_id", Type::Text),
            must("state", Type::State),
            must("sequence", Type::Integer),
            must("event_key", Type::Text),
            must("user_id", Type::Text),
            may("award", Type::One("Award")),
            may("points_left", Type::Integer),
            may("free_left", Type::Integer),
            may("result", Type::Code),
            may("gateway_code", Type::Text),
            may("message", Type::Text),
            must("created_ms", Type::Integer),
            may("acked", Type::Flag),
        ],
    ),
    (
        "GiftReport",
        &[
            must("app_key", Type::Text),
            must("id", Type::Text),
            must("gift_id", Type::Text),
            may("cp_item_id", Type::Text),
            must("state", Type::State),
            must("sequence", Type::Integer),
            must("user_id", Type::Text),
            may("result", Type::Code),
            may("gateway_code", Type::Text),
            may("message", Type::Text),
            must("created_ms", Type::Integer),
            may("acked", Type::Flag),
            may("activated", Type::Flag),
        ],
    ),
    (
        "Award",
        &[
            must("award_id", Type::Text),
            must("name", Type::Text),
            must("award_type", Type::Integer),
            must("type_name", Type::Text),
            must("amount", Type::Integer),
            must("unit", Type::Text),
            must("price_fen", Type::Integer),
            must("hyperlink_url", Type::Text),
            must("hyperlink_desc", Type::Text),
            may("simple_desc", Type::Text),
            may("full_desc", Type::Text),
        ],
    ),
    (
        "AccountReport",
        &[
            must("app_key", Type::Text),
            must("state", ACCOUNT),
            must("sequence", Type::Integer),
            may("user_id", Type::Text),
            may("auth", Type::One("AuthReport")),
        ],
    ),
    (
        "AuthReport",
        &[
            must("attempt", Type::Text),
            must("phase", PHASE),
            may("authorise", Type::Flag),
            may("qr_text", Type::Text),
            may("expires_s", Type::Integer),
            may("result", Type::Code),
            may("message", Type::Text),
        ],
    ),
    (
        "User",
        &[
            must("user_id", Type::Text),
            may("nick", Type::Text),
            may("avatar_url", Type::Text),
            may("points", Type::Integer),
        ],
    ),
    (
        "Profile",
        &[
            must("pages", Type::Many("Page")),
            may("qr_url", Type::Text),
            must("renewal", Type::Flag),
        ],
    ),
    (
        "AppProfile",
        &[
            must("app_key", Type::Text),
            must("pages", Type::Many("Page")),
            may("qr_url", Type::Text),
            must("renewal", Type::Flag),
        ],
    ),
    ("Page", &[must("kind", PAGE), must("url", Type::Text)]),
    ("WebOpened", &[must("shown", Type::Flag), may("web", Type::One("WebReport"))]),
    (
        "WebReport",
        &[
            must("app_key", Type::Text),
            must("web_id", Type::Text),
            must("page", PAGE),
            must("url", Type::Text),
            must("open", Type::Flag),
            may("result", Type::Code),
        ],
    ),
    ("Activities", &[must("activities", Type::Many("Activity")), may("more", Type::Flag)]),
    (
        "Activity",
        &[
            must("activity_id", Type::Text),
            must("event_key", Type::Text),
            must("name", Type::Text),
            must("start_time", Type::Text),
            must("end_time", Type::Text),
            must("lucky_type", LUCKY),
            must("consume_amount", Type::Integer),
            must("access_amount", Type::Integer),
            must("activity_url", Type::Text),
            must("awards", Type::Many("Award")),
        ],
    ),
    ("Gifts", &[must("gifts", Type::Many("Gift")), may("more", Type::Flag)]),
    ("Gift", &[must("gift_id", Type::Text), must("cp_item_id", Type::Text), must("status", GIFT)]),
    ("QrUrl", &[must("qr_url", Type::Text)]),
];
