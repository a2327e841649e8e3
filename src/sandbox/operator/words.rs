//! What the scenarios do, in the reader's language.

use crate::sandbox::scenario::Scenario;
use crate::sandbox::texts::Lang;

const CHINESE: &[(&str, &str)] = &[
    ("manual", "等待手机页面或控制接口"),
    ("success", "0.5 秒扫码，1 秒付款"),
    ("success.slow", "0.5 秒扫码，30 秒付款"),
    ("scanned", "0.5 秒扫码，之后没有动作，直到过期"),
    ("cancel.buyer", "0.5 秒扫码，1 秒在手机上取消"),
    ("expire", "无人扫码，二维码只有 3 秒有效"),
    ("balance_insufficient", "0.5 秒扫码，1 秒余额不足，仍可付款"),
    ("success_after_cancel", "0.5 秒扫码，盒子关单的一刻付款成功"),
    ("precreate.refused", "预下单被拒绝：ORDER_REFUSED，没有订单"),
    ("unknown_then_success", "同 success，扣款之后先返回 500，然后正常"),
    ("gateway.500", "已执行，但返回 500"),
    ("gateway.timeout", "已执行，但 40 秒内没有应答"),
    ("gateway.badjson", "应答是残缺的 JSON"),
    ("gateway.badsign", "应答的 result_sign 错误"),
    ("gateway.throttle", "错误 7：再等 2 秒"),
    ("gateway.replay", "查询重放本应用以前的签名应答，优先“已付款”的"),
    ("query.stale", "已付款订单的查询仍返回 WAIT_BUYER_PAY"),
    ("amount.mismatch", "已付款订单的应答金额多 1 分"),
    ("order.mismatch", "已付款订单的应答是另一个订单号"),
    ("notify.lost", "同 success，但从不通知商户服务器"),
    ("notify.late", "同 success，通知晚一分钟才发出"),
    ("notify.twice", "同 success，同时发出两个相同的通知"),
    ("notify.reordered", "同 success，通知在本应用下一个订单的通知之后才发出"),
    ("notify.forged", "同 success，付款之前先有一个伪造的“已付款”通知"),
    ("notify.wrong_key", "同 success，通知用别家的公钥加密"),
    ("draw.lost", "下一次抽奖已执行，但返回 500"),
    ("gift.take_lost", "下一次领取礼包已执行，但返回 500"),
    ("gift.mark_lost", "下一次礼包确认已执行，但返回 500"),
    ("coin.query_fail", "礼包网关的下一次查询返回 FAIL"),
    ("coin.mark_fail", "礼包网关的下一次标记不执行，返回 FAIL"),
    ("coin.mark_lost", "礼包网关的下一次标记已执行，但返回 500"),
    ("renewal.pay_fail", "下一次续费扣款被拒绝：RENEWAL_ORDER_PAY_FAIL"),
    ("renewal.wait", "下一次续费等待付款人一天：WAIT_BUYER_PAY"),
    ("renewal.pay_lost", "下一次续费已执行，但返回 500"),
    ("renewal.throttle", "接下来的续费不执行，返回错误 7：再等 2 秒"),
    ("auth.slow_down", "接下来查询登录时返回错误 7：再等 2 秒"),
    ("session.revoked", "下一次带会话的调用，会话已失效：错误 27"),
    ("query.system_error", "商户服务器的下一次订单查询被拒绝：SYSTEM_ERROR"),
];

/// What happens.
pub fn scenario(lang: Lang, scenario: Scenario) -> &'static str {
    let chinese = CHINESE.iter().find(|row| row.0 == scenario.name());
    lang.say(chinese.map_or(scenario.text(), |row| row.1), scenario.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_told_in_chinese() {
        for known in Scenario::all() {
            assert!(!scenario(Lang::Zh, known).is_ascii(), "{}", known.name());
        }
        let named = |name: &str| Scenario::parse(name).is_some();
        assert!(CHINESE.iter().all(|row| named(row.0)));
    }
}
