//! What can be won, and chance. Pure.

use serde::{Deserialize, Serialize};

use super::rng::Rng;
use crate::core::award::Award;

/// Something that can be won, as the seed file and the control API write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prize {
    /// The platform's number; made if it is left out.
    #[serde(default)]
    pub award_id: String,
    /// What it is called.
    pub name: String,
    /// Kind as a number; opaque.
    #[serde(default)]
    pub award_type: i32,
    /// Name of that kind.
    #[serde(default)]
    pub type_name: String,
    /// How many `unit`s.
    #[serde(default = "one")]
    pub amount: i64,
    /// Such as `个`.
    #[serde(default)]
    pub unit: String,
    /// Worth in fen.
    #[serde(default)]
    pub price_fen: i64,
    /// Where it is claimed or used; `{base}` stands for the sandbox's own address.
    #[serde(default)]
    pub hyperlink_url: String,
    /// What to write beside that link.
    #[serde(default)]
    pub hyperlink_desc: String,
    /// One line about it.
    #[serde(default)]
    pub simple_desc: String,
    /// Everything about it.
    #[serde(default)]
    pub full_desc: String,
    /// Its part of the chance, among all weights and the `lose_weight`.
    pub weight: u32,
    /// How many are left; none: without end. What is used up loses from then on.
    #[serde(default)]
    pub stock: Option<u32>,
    /// Points that the winner is credited with.
    #[serde(default)]
    pub points: i64,
    /// A gift of this item is laid out for the winner.
    #[serde(default)]
    pub gift_item: Option<String>,
}

fn one() -> i64 {
    1
}

impl Prize {
    /// As the platform describes it. `won`: with its descriptions.
    pub fn award(&self, won: bool) -> Award {
        let told = |text: &String| if won { text.clone() } else { String::new() };
        Award {
            award_id: self.award_id.clone(),
            name: self.name.clone(),
            award_type: self.award_type,
            type_name: self.type_name.clone(),
            amount: self.amount,
            unit: self.unit.clone(),
            price_fen: self.price_fen,
            hyperlink_url: self.hyperlink_url.clone(),
            hyperlink_desc: self.hyperlink_desc.clone(),
            simple_desc: told(&self.simple_desc),
            full_desc: told(&self.full_desc),
        }
    }
}

/// Draws one of the prizes, and takes it from its stock. None: not won.
pub fn draw<'a>(prizes: &'a mut [Prize], lose_weight: u32, rng: &mut Rng) -> Option<&'a Prize> {
    let parts: u64 = prizes.iter().map(|prize| u64::from(prize.weight)).sum();
    let all = parts + u64::from(lose_weight);
    let mut drawn = if all == 0 { return None } else { rng.below(all) };
    for prize in prizes {
        let weight = u64::from(prize.weight);
        if drawn >= weight {
            drawn -= weight;
            continue;
        }
        match &mut prize.stock {
            None => {}
            Some(0) => return None,
            Some(left) => *left -= 1,
        }
        return Some(prize);
    }
    None
}

/// What paying for a product may win (consumption lottery).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductPrize {
    /// Which app's product.
    pub app_key: String,
    /// Which product.
    pub subject_id: String,
    /// The part of the chance that wins nothing.
    #[serde(default)]
    pub lose_weight: u32,
    /// What can be won.
    #[serde(alias = "award")]
    pub awards: Vec<Prize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prize(name: &str, weight: u32, stock: Option<u32>) -> Prize {
        let json = serde_json::json!({ "name": name, "weight": weight, "stock": stock });
        serde_json::from_value(json).unwrap()
    }

    /// How often each came in 4000 draws; the last one is nothing.
    fn counts(prizes: &mut [Prize], lose_weight: u32) -> Vec<u32> {
        let mut rng = Rng::new(Some(1)).unwrap();
        let names: Vec<String> = prizes.iter().map(|prize| prize.name.clone()).collect();
        let mut counts = vec![0; names.len() + 1];
        for _ in 0..4_000 {
            let won = draw(prizes, lose_weight, &mut rng);
            let at = won.and_then(|won| names.iter().position(|name| *name == won.name));
            counts[at.unwrap_or(names.len())] += 1;
        }
        counts
    }

    #[test]
    fn chance_follows_the_weights() {
        let mut prizes = [prize("a", 1, None), prize("b", 0, None), prize("c", 2, None)];
        let counted = counts(&mut prizes, 1);
        for (count, right) in counted.iter().zip([1_000, 0, 2_000, 1_000_u32]) {
            assert!(count.abs_diff(right) <= right / 10, "{counted:?}");
        }
    }

    #[test]
    fn what_is_used_up_loses_and_makes_nothing_else_likelier() {
        let mut prizes = [prize("a", 1, Some(3)), prize("b", 1, None)];
        let counted = counts(&mut prizes, 0);
        assert_eq!((counted[0], prizes[0].stock), (3, Some(0)));
        assert!(counted[1].abs_diff(2_000) <= 200, "{counted:?}");
        assert_eq!(counts(&mut [prize("a", 0, None)], 0), [0, 4_000]);
        assert_eq!(counts(&mut [], 5), [4_000]);
    }
}
