//! What to do about a refusal of the platform, for people, in two languages.

use crate::core::call::DoubtKind;
use crate::wire::baodian::{ILLEGAL_ARGUMENT, ILLEGAL_SIGNATURE, SIGNATURE_EXPIRED};
use crate::wire::device::{AUTH_REQUIRED, RECORD_NOT_FOUND, RECORD_STATUS_INVALID};
use crate::wire::partner::{RenewalCode, ORDER_NOT_FOUND, PUBLIC_KEY_NOT_SET};

/// One piece of advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// In English.
    pub en: &'static str,
    /// In Chinese.
    pub zh: &'static str,
}

const fn say(en: &'static str, zh: &'static str) -> Advice {
    Advice { en, zh }
}

/// To a charge that was refused and that the platform does not have.
pub fn of_renewal(code: RenewalCode) -> Advice {
    match code {
        RenewalCode::TermCountExceedLimit => say(
            "the subscription has no such charge: it has 11 at most by month, 3 by season, and no \
             more than its list has prices; sell the customer a new one",
            "订阅没有这一期：按月最多续 11 期，按季最多 3 期，且不超过价格表的期数；请让用户重新订阅",
        ),
        RenewalCode::PriceError => say(
            "the ledger's price list differs from the one that the box sent with the first \
             payment: correct the ledger's plan, do not charge another price",
            "账本中的价格表与首次支付时电视端提交的不一致：请更正账本中的订阅计划，不要改价扣款",
        ),
        RenewalCode::PriceExceedLimit => say(
            "the charges together are over the limit of the app or the subscription: ask the \
             platform's operations to raise it, then run the command again",
            "续费总额超过应用或订阅的上限：请联系平台运营提高限额，然后重新执行",
        ),
        RenewalCode::OrderNotAllowed => say(
            "the app may not sell subscriptions: ask the platform's operations to enable it, then \
             run the command again",
            "应用未开通续费：请联系平台运营开通，然后重新执行",
        ),
        RenewalCode::OrderInfoError => say(
            "compare what was sent with the first order: subject_id must be the same, the notify \
             URL http or https, and the charge's order number not used for anything else",
            "请与首笔订单核对：subject_id 必须相同，回调地址须为 http 或 https，且该订单号未作他用",
        ),
        RenewalCode::ThreadNotFound => say(
            "the platform knows no subscription that began with this order: was it paid with this \
             app_key, in this environment, by repay and not by pay?",
            "平台找不到以该订单开始的订阅：请确认它是用同一 app_key、在同一环境、以续费方式支付的",
        ),
        RenewalCode::ThreadStatusError => say(
            "the customer may have ended the agreement, or an earlier charge is still open: find \
             out at the platform; if it was ended: alitv-pay renew stop ORDER",
            "用户可能已解约，或前一期尚未结束：请在平台侧查明；若已解约，执行 alitv-pay renew stop 订单号",
        ),
        RenewalCode::OrderPayFail => say(
            "the payment failed, most often for want of money: tell the customer; renew run tries \
             it again after a day, with the same order number",
            "扣款失败，多为余额不足：请通知用户；renew run 会在一天后用同一订单号重试",
        ),
        RenewalCode::TimeError => say(
            "it is not due yet: renew run tries it again, with the same order number",
            "未到续费时间：renew run 之后会用同一订单号重试",
        ),
        RenewalCode::ThreadSeqError => say(
            "the platform expects another charge, and does not have this one under its order \
             number: was one taken by another program? compare with the platform's statement",
            "平台期待的是另一期，且没有本订单号的这一期：是否有其他程序扣过？请与平台对账单核对",
        ),
    }
}

/// To a `code` of `QueryOutcome::Refused` or `ChargeOutcome::RefusedOther`, or a word of the
/// renewal.
pub fn of_code(code: &str) -> Advice {
    if let Some(code) = RenewalCode::parse(code) {
        return of_renewal(code);
    }
    let (number, sub_code) = code.split_once('/').unwrap_or((code, ""));
    match number {
        PUBLIC_KEY_NOT_SET => say(
            "upload the public key to the open platform: alitv-pay keys show --portal KEY",
            "请在开放平台上传公钥：alitv-pay keys show --portal 私钥文件",
        ),
        ORDER_NOT_FOUND => say(
            "compare order number, app_key and environment: another app's orders look the same",
            "请核对订单号、app_key 与环境：其他应用的订单也会显示为不存在",
        ),
        "11" if sub_code.contains("ip-whitelist") => say(
            "add the address of this server to the app's IP white list on the open platform",
            "请在开放平台把本服务器的地址加入应用的 IP 白名单",
        ),
        "11" | "12" | "13" => say(
            "the app may not call this API: apply for its permission package on the open platform",
            "应用没有调用该 API 的权限：请在开放平台申请相应的权限包",
        ),
        "24" | "25" => say(
            "app.app_secret is not the secret of this app_key: the platform has three, take the \
             App Secret and not the one of gateway.6uu.com or of the lottery",
            "app.app_secret 与该 app_key 不符：平台有三种密钥，请使用 App Secret，而非 6uu 网关或抽奖的密钥",
        ),
        "28" | "29" => say(
            "app.app_key is not known there: sandbox and production have apps of their own",
            "该环境没有这个 app.app_key：沙箱与正式环境的应用互不相通",
        ),
        "26" | "27" => say(
            "these calls need no session: does something between here and the gateway change them?",
            "这些接口不需要 session：请检查中间代理是否改动了请求",
        ),
        "30" | "31" => say(
            "set the clock of this machine (GMT+8 is reckoned by itself)",
            "请校准本机时钟（东八区由程序换算）",
        ),
        "9" | "21" | "22" | "23" | "32" | "33" | "34" => say(
            "this gateway does not offer the call: is top.url the right address, ending in \
             /router/rest?",
            "该网关不提供此接口：请检查 top.url 是否正确，应以 /router/rest 结尾",
        ),
        "40" | "41" | "43" => say(
            "the platform does not take a parameter: the sentence names it; correct the order",
            "平台不接受某个参数：错误信息中有参数名，请更正订单",
        ),
        _ => say(
            "this version does not know the code: look it up at the platform; nothing was decided",
            "本版本不认识该错误码：请向平台查询；订单状态没有因此改变",
        ),
    }
}

/// To an outcome that is not known.
pub fn of_doubt(kind: DoubtKind) -> Advice {
    match kind {
        DoubtKind::Network => say(
            "see whether top.url can be reached from here, then run the command again",
            "请检查本机能否访问 top.url，然后重新执行",
        ),
        DoubtKind::Gateway => say(
            "run the command again in a minute; if it stays so, look whether top.url is the gateway",
            "请一分钟后重新执行；若仍如此，请检查 top.url 是否为网关地址",
        ),
        DoubtKind::Signature => say(
            "compare the key with the one at the platform: alitv-pay keys check FILE",
            "请核对私钥与平台上的公钥：alitv-pay keys check 文件",
        ),
        DoubtKind::Clock => say(
            "set the clock of this machine (GMT+8 is reckoned by itself)",
            "请校准本机时钟（东八区由程序换算）",
        ),
    }
}

/// To a `code` of `gifts::Outcome::Refused`.
pub fn of_gift(code: &str) -> Advice {
    match code {
        ILLEGAL_SIGNATURE => say(
            "gifts.secret must be the secret that the platform gave you for gateway.6uu.com \
             (BaodianSecret); app_secret, the default, may be another one",
            "gifts.secret 须为平台为 gateway.6uu.com 提供的密钥（BaodianSecret）；\
             默认使用的 app_secret 可能是另一个",
        ),
        SIGNATURE_EXPIRED => say(
            "set the clock of this machine: it may be a few minutes off at most",
            "请校准本机时钟：与平台最多只能相差几分钟",
        ),
        ILLEGAL_ARGUMENT => say(
            "the sentence names the parameter; app.app_key must be the app of the user's gifts, and \
             gifts.url of the same environment",
            "错误信息中有参数名；app.app_key 须为礼包所属的应用，gifts.url 须为同一环境",
        ),
        AUTH_REQUIRED => say(
            "the user has not authorised the app: let him sign in and authorise on the box first",
            "用户尚未授权该应用：请先在电视端登录并授权",
        ),
        RECORD_NOT_FOUND => say(
            "compare record, user and app_key: alitv-pay gifts query --user USER --status all",
            "请核对记录、用户与 app_key：alitv-pay gifts query --user 用户 --status all",
        ),
        RECORD_STATUS_INVALID => say(
            "it was given out or has expired. If an earlier activation of it had no answer, it was \
             probably that one; see: alitv-pay gifts query --user USER --status all",
            "该记录已发放或已过期。若之前的激活没有得到应答，多半就是那一次；\
             请查看：alitv-pay gifts query --user 用户 --status all",
        ),
        _ => say(
            "this version does not know the code: look it up at the platform",
            "本版本不认识该错误码：请向平台查询",
        ),
    }
}

/// To a question or a mark at the gift gateway whose outcome is not known.
pub fn of_gift_doubt(kind: DoubtKind) -> Advice {
    match kind {
        DoubtKind::Network => say(
            "see whether gifts.url can be reached from here, then run the same command again",
            "请检查本机能否访问 gifts.url，然后重新执行同一命令",
        ),
        DoubtKind::Gateway | DoubtKind::Signature => say(
            "run the same command again in a minute; if it stays so, look whether gifts.url is the \
             gift gateway",
            "请一分钟后重新执行同一命令；若仍如此，请检查 gifts.url 是否为礼包网关",
        ),
        DoubtKind::Clock => say(
            "set the clock of this machine, then run the same command again",
            "请校准本机时钟，然后重新执行同一命令",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_a_renewal_has_its_own_advice() {
        let mut seen = std::collections::HashSet::new();
        for code in RenewalCode::ALL {
            let advice = of_renewal(code);
            assert!(!advice.zh.is_ascii() && seen.insert(advice.en) && seen.insert(advice.zh));
            assert_eq!(of_code(code.as_str()), advice);
        }
    }

    #[test]
    fn codes_of_the_gateway_lead_to_what_is_wrong() {
        let cases = [
            ("25/isv.invalid-signature", "app_secret"),
            ("25", "app_secret"),
            ("29/isv.appkey-not-exists", "app_key"),
            ("11/isv.permission-ip-whitelist-limit", "white list"),
            ("11/isv.permission-api-package-empty", "permission package"),
            ("22/isv.invalid-method", "top.url"),
            ("41/isv.invalid-parameter:order_no", "parameter"),
            ("31", "clock"),
            (PUBLIC_KEY_NOT_SET, "keys show"),
            (ORDER_NOT_FOUND, "order number"),
            ("NEVER_SEEN", "does not know"),
            ("", "does not know"),
        ];
        for (code, word) in cases {
            let advice = of_code(code);
            assert!(advice.en.contains(word) && !advice.zh.is_ascii(), "{code}: {}", advice.en);
        }
    }

    #[test]
    fn refusals_about_gifts_lead_to_what_is_wrong() {
        let cases = [
            (ILLEGAL_SIGNATURE, "gifts.secret"),
            (SIGNATURE_EXPIRED, "clock"),
            (ILLEGAL_ARGUMENT, "names the parameter"),
            (AUTH_REQUIRED, "authorise"),
            (RECORD_NOT_FOUND, "compare record"),
            (RECORD_STATUS_INVALID, "had no answer"),
            ("605", "does not know"),
        ];
        for (code, word) in cases {
            let advice = of_gift(code);
            assert!(advice.en.contains(word) && !advice.zh.is_ascii(), "{code}: {}", advice.en);
        }
    }

    #[test]
    fn every_doubt_has_advice() {
        let kinds =
            [DoubtKind::Network, DoubtKind::Gateway, DoubtKind::Signature, DoubtKind::Clock];
        for kind in kinds {
            for advice in [of_doubt(kind), of_gift_doubt(kind)] {
                assert!(!advice.en.is_empty() && !advice.zh.is_ascii());
            }
        }
    }
}
