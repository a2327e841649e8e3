//! Models of what must not go wrong, with the real machines inside, and the judge of them:
//! a property may never break, what should happen must happen somewhere, and from no state may
//! a goal be out of reach for good.

mod account;
mod draw;
mod gift;
mod payment;
#[cfg(feature = "merchant")]
mod renewal;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Expectation, Model};

/// A name, where it is to be reached from, and what it is.
type Goal<S> = (&'static str, fn(&S) -> bool, fn(&S) -> bool);

/// What one run found: how many states, which properties broke, and from how many states
/// which goal is out of reach.
struct Verdict {
    states: usize,
    broken: Vec<&'static str>,
    stuck: Vec<(&'static str, usize)>,
}

impl Verdict {
    /// A wrong variant died of the property that must catch it.
    fn must_name(&self, killer: &str, fault: impl Debug) {
        println!("{fault:?}: broken {:?}, stuck {:?}", self.broken, self.stuck);
        let mut names = self.broken.iter().chain(self.stuck.iter().map(|(name, _)| name));
        assert!(names.any(|name| name.starts_with(killer)), "{fault:?} survived");
    }
}

/// Runs a model to its end. One without a fault has to reach everything it may reach.
fn judge<M>(model: M, faulty: bool, goals: &[Goal<M::State>]) -> Verdict
where
    M: Model<Action: Clone + Debug + PartialEq> + Copy + Debug + Send + Sync + 'static,
    M::State: Clone + Debug + Eq + Hash + Send + Sync,
{
    let checker = model.checker().threads(2).spawn_bfs().join();
    let found = checker.discoveries();
    let mut broken = Vec::new();
    for property in model.properties() {
        let seen = found.contains_key(property.name);
        match property.expectation {
            Expectation::Always if seen => broken.push(property.name),
            // A run that never gets there has proved nothing.
            Expectation::Sometimes if !faulty => {
                assert!(seen, "{} was never reached: {model:?}", property.name)
            }
            _ => {}
        }
    }
    // What lies is not asked whether it gets on.
    let stuck = if broken.is_empty() { stuck(&model, goals) } else { Vec::new() };
    Verdict { states: checker.unique_state_count(), broken, stuck }
}

/// From how many states a goal is out of reach for good (AG EF), per goal.
fn stuck<M>(model: &M, goals: &[Goal<M::State>]) -> Vec<(&'static str, usize)>
where
    M: Model,
    M::State: Clone + Eq + Hash,
{
    let (worlds, into) = graph(model);
    goals
        .iter()
        .map(|(name, from, goal)| {
            let mut reach: HashSet<usize> =
                (0..worlds.len()).filter(|i| goal(&worlds[*i])).collect();
            let mut queue: VecDeque<usize> = reach.iter().copied().collect();
            while let Some(i) = queue.pop_front() {
                queue.extend(into[i].iter().filter(|from| reach.insert(**from)));
            }
            let lost = (0..worlds.len()).filter(|i| from(&worlds[*i]) && !reach.contains(i));
            (*name, lost.count())
        })
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Every world that can come about, and for each the worlds that lead into it.
fn graph<M>(model: &M) -> (Vec<M::State>, Vec<Vec<usize>>)
where
    M: Model,
    M::State: Clone + Eq + Hash,
{
    let mut worlds = model.init_states();
    let mut numbers: HashMap<M::State, usize> = HashMap::from([(worlds[0].clone(), 0)]);
    let mut into: Vec<Vec<usize>> = vec![vec![]];
    let mut next = 0;
    while next < worlds.len() {
        let world = worlds[next].clone();
        let mut actions = Vec::new();
        model.actions(&world, &mut actions);
        for world in actions.into_iter().filter_map(|action| model.next_state(&world, action)) {
            let number = *numbers.entry(world.clone()).or_insert_with(|| {
                worlds.push(world);
                into.push(vec![]);
                worlds.len() - 1
            });
            into[number].push(next);
        }
        next += 1;
    }
    (worlds, into)
}
