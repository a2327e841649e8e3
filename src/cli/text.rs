//! Sentences for people, in two languages. What scripts match (event names, states, errors)
//! is not translated.

use crate::core::award::LuckyType;
use crate::core::report::{AuthPhase, State};

/// Language of the sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// English.
    En,
    /// Chinese.
    Zh,
}

impl Lang {
    /// By `ALITV_LANG`, else by the locale if it can show Chinese.
    pub fn of_locale(utf8: bool) -> Lang {
        let names = ["ALITV_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];
        let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match names.iter().find_map(set) {
            Some(locale) if utf8 && locale.to_ascii_lowercase().starts_with("zh") => Lang::Zh,
            _ => Lang::En,
        }
    }

    pub(super) fn choose<T>(self, en: T, zh: T) -> T {
        match self {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    /// Where an order stands.
    pub fn state(self, state: State) -> &'static str {
        match state {
            State::Created => self.choose("getting a code", "正在获取二维码"),
            State::Pending => self.choose("waiting for a scan", "等待扫码"),
            State::Scanned => {
                self.choose("scanned, confirm on the phone", "已扫码，请在手机上确认")
            }
            State::Closing => self.choose("closing the order", "正在关闭订单"),
            State::Unknown => {
                self.choose("the gateway does not answer, asking again", "网关无响应，重试中")
            }
            State::Paid => self.choose("paid", "支付成功"),
            State::Cancelled => self.choose("cancelled", "已取消"),
            State::Expired => self.choose("expired", "已过期"),
            State::Failed => self.choose("failed", "支付失败"),
            State::Refunded => self.choose("refunded", "已退款"),
            State::Won => self.choose("won", "已中奖"),
            State::Lost => self.choose("not won", "未中奖"),
            State::Granted => self.choose("granted", "已领取"),
        }
    }

    /// Where a draw or a gift stands.
    pub fn item_state(self, state: State) -> &'static str {
        match state {
            State::Created => self.choose("asking the gateway", "正在请求网关"),
            other => self.state(other),
        }
    }

    /// Above a code.
    pub fn scan(self) -> &'static str {
        self.choose("scan with Alipay on a phone", "请用手机支付宝扫码")
    }

    /// Above a code of the sandbox: on a phone or only on this machine, with keys or without.
    pub fn scan_demo(self, lan: bool, keys: bool) -> &'static str {
        match (lan, keys) {
            (true, true) => self.choose(
                "scan with any phone on this network; or press p to pay here, c to cancel",
                "用同一网络的手机扫码；或按 p 在此支付，按 c 取消",
            ),
            (false, true) => self.choose(
                "press p to pay, c to cancel; or open the address here (--lan: on a phone)",
                "按 p 支付，按 c 取消；或在本机打开该网址（加 --lan 可用手机）",
            ),
            (true, false) => {
                self.choose("any phone on this network can open it", "同一网络的手机可以打开")
            }
            (false, false) => {
                self.choose("the phone is played by this program", "由本程序扮演手机")
            }
        }
    }

    /// Before a payment that is none.
    pub fn sandbox(self) -> &'static str {
        self.choose("sandbox: no money moves", "沙箱：不动用资金")
    }

    /// What the demo sells.
    pub fn demo_title(self) -> &'static str {
        self.choose("60 gems", "宝石")
    }

    /// Behind the state while a code can be scanned.
    pub fn left(self, seconds: u64) -> String {
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        self.choose(format!("{minutes}:{seconds:02} left"), format!("剩余 {minutes}:{seconds:02}"))
    }

    /// What Ctrl-C does.
    pub fn interrupt_cancels(self) -> &'static str {
        self.choose("Ctrl-C cancels", "Ctrl-C 取消")
    }

    /// What a second Ctrl-C does.
    pub fn interrupt_leaves(self) -> &'static str {
        self.choose(
            "cancelling; Ctrl-C again leaves without waiting for the result",
            "正在取消；再按 Ctrl-C 直接退出，不等结果",
        )
    }

    /// The daemon went away in the middle.
    pub fn offline(self) -> &'static str {
        self.choose("the daemon went away; waiting for it to come back", "服务已断开，等待恢复")
    }

    /// Heads of the columns of `orders`.
    pub fn heads(self) -> [&'static str; 6] {
        self.choose(
            ["ORDER", "AMOUNT", "STATE", "AGE", "ACK", "TITLE"],
            ["订单", "金额", "状态", "时间", "确认", "标题"],
        )
    }

    /// How an attempt to sign in stands.
    pub fn auth_phase(self, phase: AuthPhase) -> &'static str {
        match phase {
            AuthPhase::Started => self.choose("getting a code", "正在获取二维码"),
            AuthPhase::Code => self.choose("waiting for a scan", "等待扫码"),
            AuthPhase::Scanned => {
                self.choose("scanned, confirm on the phone", "已扫码，请在手机上确认")
            }
            AuthPhase::Success => self.choose("authorised", "已授权"),
            AuthPhase::Cancelled => self.choose("given up", "已放弃"),
            AuthPhase::Failed => self.choose("failed", "失败"),
        }
    }

    /// Above a code to sign in or to authorise with.
    pub fn scan_auth(self, authorise: bool) -> &'static str {
        match authorise {
            false => self.choose("scan with a phone to sign in", "请用手机扫码登录"),
            true => self.choose("scan with a phone to authorise this app", "请用手机扫码授权"),
        }
    }

    /// Nothing had to be done.
    pub fn authorised_already(self) -> &'static str {
        self.choose("authorised already", "已经授权")
    }

    /// Beside the URL of a page.
    pub fn page_shown(self, web_id: &str) -> String {
        self.choose(
            format!("show this page; once it is closed: alitv-pay web close {web_id}"),
            format!("请显示该页面；关闭之后：alitv-pay web close {web_id}"),
        )
    }

    /// The platform has no such page.
    pub fn no_page(self) -> &'static str {
        self.choose(
            "the platform has no such page for this app: go on without it",
            "平台没有为该应用开通此页面，请继续",
        )
    }

    /// The platform has no link to the goods.
    pub fn no_qr_url(self) -> &'static str {
        self.choose("the platform has no such link for this app", "平台没有为该应用提供此链接")
    }

    /// Below a gift that is the player's.
    pub fn gift_granted(self, ack: &str) -> String {
        self.choose(format!("store the goods, then: {ack}"), format!("先存好商品，再执行：{ack}"))
    }

    /// Below a gift that was handled before.
    pub fn gift_acked(self) -> &'static str {
        self.choose(
            "acknowledged before: its goods are stored already",
            "之前已经确认：商品已经存好",
        )
    }

    /// There is nothing to play.
    pub fn no_activities(self) -> &'static str {
        self.choose("no activities", "没有活动")
    }

    /// There is nothing to take.
    pub fn no_gifts(self) -> &'static str {
        self.choose("no gifts", "没有礼物")
    }

    /// A list that did not fit.
    pub fn there_are_more(self) -> &'static str {
        self.choose("there are more", "还有更多")
    }

    /// Heads of the columns of `lottery activities`.
    pub fn activity_heads(self) -> [&'static str; 5] {
        self.choose(
            ["EVENT KEY", "COSTS", "FREE LEFT", "ENDS", "NAME"],
            ["活动", "费用", "剩余免费次数", "结束时间", "名称"],
        )
    }

    /// What a draw costs.
    pub fn draw_costs(self, lucky_type: LuckyType, points: i64) -> String {
        match lucky_type {
            LuckyType::Free => self.choose("free", "免费").to_owned(),
            LuckyType::Consuming => {
                self.choose(format!("{points} points"), format!("{points} 积分"))
            }
            LuckyType::Mixed => self
                .choose(format!("free, then {points} points"), format!("先免费，后 {points} 积分")),
        }
    }

    /// What to do with a new key.
    pub fn paste_portal(self) -> &'static str {
        self.choose(
            "paste the value of portal into the form of the open platform",
            "请将 portal 的值粘贴到开放平台的表单中",
        )
    }

    /// A key that is small.
    pub fn key_weak(self, bits: usize) -> String {
        self.choose(
            format!("warning: a key of {bits} bits is weak; make one of 2048: alitv-pay keygen"),
            format!("警告：{bits} 位的密钥强度不足，请改用 2048 位：alitv-pay keygen"),
        )
    }

    /// A private key that is not private.
    pub fn key_open(self, path: &str, mode: u32) -> String {
        self.choose(
            format!("warning: others can use this private key (mode {mode:04o}): chmod 600 {path}"),
            format!("警告：他人可使用该私钥（权限 {mode:04o}）：chmod 600 {path}"),
        )
    }

    /// A PEM header that does not fit its body.
    pub fn key_wrong_label(self) -> &'static str {
        self.choose(
            "warning: the header line names another form than the body has; openssl and PHP do \
             not read it",
            "警告：首行标注的格式与内容不符，openssl 和 PHP 无法读取",
        )
    }

    /// A byte order mark.
    pub fn key_bom(self) -> &'static str {
        self.choose(
            "warning: the file begins with a byte order mark, which other programs stumble over",
            "警告：文件以字节顺序标记（BOM）开头，其他程序可能无法读取",
        )
    }

    /// Text around a key.
    pub fn key_other_text(self) -> &'static str {
        self.choose(
            "warning: there is text before or behind the key, which other programs may not ignore",
            "警告：密钥前后有其他文字，其他程序可能无法忽略",
        )
    }

    /// Of standard input.
    pub fn newline_counts(self) -> &'static str {
        self.choose(
            "the text ends in a newline, which counts; without one: printf %s TEXT | ...",
            "文本以换行符结尾，换行符也计算在内；去掉它：printf %s TEXT | ...",
        )
    }

    /// Heads of the columns of `gift list`.
    pub fn gift_heads(self) -> [&'static str; 3] {
        self.choose(["GIFT", "STATUS", "ITEM"], ["礼物", "状态", "物品"])
    }
}
