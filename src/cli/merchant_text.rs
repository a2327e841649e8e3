//! Sentences of the merchant's commands.

use super::text::Lang;
use crate::merchant::advice::Advice;
use crate::merchant::renew::run::Stop;

impl Lang {
    /// Advice in the language of the reader.
    pub fn advice(self, advice: Advice) -> &'static str {
        self.choose(advice.en, advice.zh)
    }

    /// Heads of the columns of `renew`.
    pub fn renew_heads(self) -> [&'static str; 5] {
        self.choose(
            ["FIRST ORDER", "SEQ", "AMOUNT", "OUTCOME", "WHY"],
            ["首笔订单", "期数", "金额", "结果", "原因"],
        )
    }

    /// There is nothing to charge.
    pub fn nothing_due(self) -> &'static str {
        self.choose("nothing is due", "没有到期的续费")
    }

    /// A subscription was stopped.
    pub fn renew_stopped(self, order: &str) -> String {
        self.choose(
            format!("no more charges of {order} are taken; the agreement is the customer's to end"),
            format!("不再为 {order} 扣款；平台上的协议须由用户解除"),
        )
    }

    /// A stopped subscription goes on.
    pub fn renew_resumed(self, order: &str) -> String {
        self.choose(
            format!("charges of {order} are taken again, missed ones as well"),
            format!("恢复为 {order} 扣款，包括期间错过的各期"),
        )
    }

    /// The platform has the charge and not the money.
    pub fn renew_waiting(self) -> &'static str {
        self.choose(
            "the platform waits for the money: run the command again later",
            "平台正在等待付款：请稍后重新执行",
        )
    }

    /// The charge ended without money.
    pub fn renew_closed(self) -> &'static str {
        self.choose(
            "the charge was closed or given back, and its number is used up: no later one is taken \
             by itself. If it was paid and given back, take the next: alitv-pay renew ORDER --seq N; \
             to end it: alitv-pay renew stop ORDER",
            "该期已关闭或已退款，其订单号不能再用，之后各期不会自动扣款。若是付款后退款，可手动扣下一期：\
             alitv-pay renew 订单号 --seq N；若要终止：alitv-pay renew stop 订单号",
        )
    }

    /// The charge is paid, for something else.
    pub fn renew_mismatch(self) -> &'static str {
        self.choose(
            "it is paid, but not for what the ledger has: compare with alitv-pay order query, and \
             decide whether the goods are owed",
            "已付款，但与账本不一致：请用 alitv-pay order query 核对，并决定是否发货",
        )
    }

    /// A run ended before its end.
    pub fn stopped(self, stop: Stop) -> String {
        match stop {
            Stop::Limit => self
                .choose("there is more to do: run it again", "还有未处理的续费，请再次执行")
                .to_owned(),
            Stop::App => self
                .choose(
                    "stopped: the platform would refuse every other charge too",
                    "已停止：其余各期也会被平台拒绝",
                )
                .to_owned(),
            Stop::Limited { wait_s } => self.choose(
                format!("stopped: the platform wants fewer calls; run it again in {wait_s} s"),
                format!("已停止：调用过于频繁，请在 {wait_s} 秒后再次执行"),
            ),
            Stop::Silence => self
                .choose(
                    "stopped: the platform does not answer; run it again later",
                    "已停止：平台没有响应，请稍后再次执行",
                )
                .to_owned(),
        }
    }
}
