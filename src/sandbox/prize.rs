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
