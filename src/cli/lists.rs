//! What the platform lists, as text: awards, activities, gifts.

use super::show::{clean, table};
use super::text::Lang;
use crate::core::award::{Activity, Award, Gift, GiftStatus, LuckyType};

/// `60 gems x2, 虚拟物品`, and where it is claimed.
pub fn award_text(award: &Award) -> String {
    let mut parts = vec![match award.amount {
        0 | 1 => award.name.clone(),
        amount => format!("{} x{amount}{}", award.name, award.unit),
    }];
    parts.extend([&award.type_name, &award.hyperlink_url].map(String::clone));
    parts.retain(|part| !part.is_empty());
    clean(&parts.join(", "))
}

/// A table of activities, below each one what can be won.
pub fn activities_text(lang: Lang, activities: &[Activity], columns: usize) -> String {
    let mut rows = vec![lang.activity_heads().map(str::to_owned)];
    rows.extend(activities.iter().map(|activity| {
        [
            activity.event_key.clone(),
            lang.draw_costs(activity.lucky_type, activity.consume_amount),
            match activity.lucky_type {
                LuckyType::Consuming => "-".to_owned(),
                LuckyType::Free | LuckyType::Mixed => activity.access_amount.to_string(),
            },
            activity.end_time.clone(),
            activity.name.clone(),
        ]
    }));
    let table = table(&rows, columns);
    let mut lines = table.lines();
    let mut text: Vec<String> = lines.next().map(str::to_owned).into_iter().collect();
    for (line, activity) in lines.zip(activities) {
        text.push(line.to_owned());
        text.extend(activity.awards.iter().map(|award| format!("  {}", award_text(award))));
    }
    text.join("\n")
}

/// A table of gifts.
pub fn gifts_text(lang: Lang, gifts: &[Gift], columns: usize) -> String {
    let mut rows = vec![lang.gift_heads().map(str::to_owned)];
    rows.extend(gifts.iter().map(|gift| {
        [gift.gift_id.get().to_string(), gift_status(gift.status).into(), gift.cp_item_id.clone()]
    }));
    table(&rows, columns)
}

/// The word for people and scripts.
pub fn gift_status(status: GiftStatus) -> &'static str {
    match status {
        GiftStatus::Pending => "pending",
        GiftStatus::Activated => "activated",
        GiftStatus::Expired => "expired",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::width;
    use crate::core::award::GiftId;

    fn award(name: &str, amount: i64) -> Award {
        Award { name: name.into(), amount, unit: "个".into(), ..Award::default() }
    }

    #[test]
    fn awards_say_how_many_and_where() {
        assert_eq!(award_text(&award("宝石", 60)), "宝石 x60个");
        let mut shirt = award("T-shirt", 1);
        shirt.type_name = "实物\x1b[2J".into();
        shirt.hyperlink_url = "https://h/1".into();
        assert_eq!(award_text(&shirt), "T-shirt, 实物?[2J, https://h/1");
    }

    #[test]
    fn activities_are_a_table_with_their_awards() {
        let summer = Activity {
            event_key: "summer".into(),
            name: "夏日".into(),
            end_time: "2026-12-31 23:59:59".into(),
            lucky_type: LuckyType::Mixed,
            consume_amount: 10,
            access_amount: 2,
            awards: vec![award("宝石", 60)],
            ..Activity::default()
        };
        let gates = Activity { event_key: "gates".into(), ..Activity::default() };
        let text = activities_text(Lang::En, &[summer, gates], 80);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("EVENT KEY"), "{text}");
        assert!(lines[1].starts_with("summer") && lines[1].contains("free, then 10 points"));
        assert_eq!(lines[2], "  宝石 x60个");
        assert!(lines[3].starts_with("gates"));
        assert!(lines.iter().all(|line| width(line) <= 80));
    }

    #[test]
    fn gifts_are_a_table() {
        let gift = Gift {
            gift_id: GiftId::new(12).unwrap(),
            cp_item_id: "sword".into(),
            status: GiftStatus::Pending,
        };
        let text = gifts_text(Lang::En, &[gift], 80);
        assert_eq!(text, "GIFT  STATUS   ITEM\n12    pending  sword");
    }
}
