//! The journal under power cuts, failing disks, damage, and on the disk of this machine.
#![cfg(feature = "_engine")]

mod damage;
mod faults;
mod model;
mod power;
mod real;
