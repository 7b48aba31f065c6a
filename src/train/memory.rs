//! Memory is planned before it is used: what a sweep takes follows from its plans, so that a size that is impossible is refused by
//! arithmetic, and one that is large is arranged.
//!
//! The states of all slices stay. Scratch memory is shared, since slices never run at once. States that find no place on the
//! device beside the others take turns in one, and wait on the host.

use std::sync::Arc;

use super::group::{Group, Planned};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::graph::{Plan, Room, RoomSize};
use crate::kernels::Arena;
use crate::measure::memory::Memory;

/// Bytes of an observed number, in memory, with the allocation of its name.
const NUMBER: u64 = 136;

/// Bytes of a compared pair, in memory.
const PAIR: u64 = 36;

/// What a sweep takes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// States and results of all replicas.
    pub states: u64,
    /// Of them, what is on the host while others are on the device.
    pub away: u64,
    /// Data and tables.
    pub data: u64,
    /// Scratch that all slices share, and the staging buffer.
    pub scratch: u64,
    /// Programs that compare replicas.
    pub comparisons: u64,
    /// Rows that are observed, on the host.
    pub rows: u64,
}

impl Needs {
    /// On the device.
    pub fn device(&self) -> u64 {
        self.states - self.away + self.data + self.scratch + self.comparisons
    }

    /// On the host.
    pub fn host(&self) -> u64 {
        self.away + self.rows
    }

    /// Everything.
    pub fn total(&self) -> u64 {
        self.device() + self.host()
    }
}

/// Rows that a sweep comes to, as far as that is known before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rows {
    pub metrics: u64,
    pub pairs: u64,
}

impl Rows {
    fn bytes(self) -> u64 {
        self.metrics.saturating_mul(NUMBER).saturating_add(self.pairs.saturating_mul(PAIR))
    }
}

/// Where everything is to stand.
#[derive(Debug)]
pub(super) struct Arrangement {
    pub needs: Needs,
    room: RoomSize,
    /// Slices from the first, over all groups, that have a state of their own on the device; the others take turns.
    own: usize,
}

/// State and results of a plan, bytes.
fn own(plan: &Plan) -> u64 {
    let [_, state, _, out] = plan.bytes();
    state + out
}

/// Arranges planned groups, and what compares their replicas, within a number of bytes on the device, if it is known.
///
/// # Errors
/// [`Error::OutOfMemory`] if not even one slice at a time has room.
pub(super) fn arrange(groups: &[Planned], comparisons: u64, rows: Rows, within: Option<u64>) -> Result<Arrangement> {
    let slices: Vec<&Arc<Plan>> = groups.iter().flat_map(|g| g.slices.iter().map(|(plan, _)| plan)).collect();
    let mut needs = Needs { comparisons, rows: rows.bytes(), ..Needs::default() };
    for group in groups {
        let mut seen: Vec<&Arc<Plan>> = Vec::new();
        for (plan, _) in &group.slices {
            if !seen.iter().any(|s| Arc::ptr_eq(s, plan)) {
                seen.push(plan);
                needs.data += 4 * plan.table.len() as u64;
            }
        }
        needs.data += seen.first().map_or(0, |plan| plan.bytes()[Arena::Data as usize]);
    }
    let mut room = RoomSize::default();
    slices.iter().for_each(|plan| room.hold(plan, false));
    needs.scratch = room.scratch + room.staging;
    needs.states = slices.iter().map(|plan| own(plan)).sum();
    let Some(most) = within.filter(|most| needs.device() > *most) else {
        return Ok(Arrangement { needs, room, own: slices.len() });
    };
    slices.iter().for_each(|plan| room.hold(plan, true));
    let fixed = needs.data + needs.scratch + needs.comparisons + room.guest.iter().sum::<u64>();
    if fixed > most {
        return Err(Error::OutOfMemory(format!(
            "one slice at a time takes {} of device memory ({}), and {} are there: {}",
            in_words(fixed),
            parts(&Needs { states: room.guest.iter().sum(), rows: 0, ..needs }),
            in_words(most),
            advice(&needs)
        )));
    }
    let (mut count, mut total) = (0, fixed);
    while count < slices.len() && total + own(slices[count]) <= most {
        total += own(slices[count]);
        count += 1;
    }
    // All but the one that is inside; each has a place on the host from its first turn on.
    needs.away = slices[count..].iter().map(|plan| own(plan)).sum::<u64>();
    needs.states += room.guest.iter().sum::<u64>();
    Ok(Arrangement { needs, room, own: count })
}

/// Refuses what the host has no memory for. Where there is no device of its own, that is everything.
///
/// # Errors
/// [`Error::OutOfMemory`] with the bytes needed and the bytes there.
pub(super) fn check_host(needs: &Needs, gpu: Option<&Arc<Gpu>>) -> Result<()> {
    let shared = gpu.is_none_or(|gpu| gpu.profile().software);
    let wanted = if shared { needs.total() } else { needs.host() };
    match Memory::default().free() {
        free if wanted as f64 <= free => Ok(()),
        free => Err(Error::OutOfMemory(format!(
            "this run takes about {} of memory ({}), and {} are free: {}",
            in_words(wanted),
            parts(needs),
            in_words(free as u64),
            advice(needs)
        ))),
    }
}

/// What the bytes are for, the largest first.
fn parts(needs: &Needs) -> String {
    let mut parts = vec![
        (needs.states, "the states of the networks"),
        (needs.data, "data"),
        (needs.scratch, "scratch"),
        (needs.comparisons, "comparing all pairs"),
        (needs.rows, "rows of the tables"),
    ];
    parts.retain(|(bytes, _)| *bytes > 0);
    parts.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    parts.iter().map(|(bytes, what)| format!("{} for {what}", in_words(*bytes))).collect::<Vec<_>>().join(", ")
}

/// What makes the largest part smaller.
fn advice(needs: &Needs) -> &'static str {
    let largest = needs.states.max(needs.scratch).max(needs.comparisons).max(needs.rows);
    if largest == needs.scratch {
        "train fewer networks at once (--slice N), or use fewer probe examples"
    } else if largest == needs.comparisons {
        "leave cka_pairs and cka_layers out of observe.measures, or train fewer networks (--seeds N)"
    } else if largest == needs.rows {
        "observe less often (observe.at) or less (observe.measures), or train fewer networks (--seeds N)"
    } else {
        "train fewer networks (--seeds N), or use smaller layers or fewer probe examples"
    }
}

/// A number of bytes, for people.
pub(super) fn in_words(bytes: u64) -> String {
    crate::graph::human_bytes(bytes)
}

/// Makes the machines of planned groups, the first `own` slices with a state of their own, in the memory that they share.
fn make(gpu: Option<&Arc<Gpu>>, groups: &[Planned], arrangement: &Arrangement) -> Result<(Vec<Group>, Arc<Room>)> {
    let room = Room::new(gpu, arrangement.room)?;
    let mut left = arrangement.own;
    let made = groups.iter().map(|group| group.make(gpu, &room, &mut left)).collect::<Result<_>>()?;
    Ok((made, room))
}

/// Makes the machines of planned groups as arranged. Where the device turns out to have less memory than that, more states take
/// turns.
///
/// # Errors
/// If not even that helps, or a kernel does not compile.
pub(super) fn build(
    gpu: Option<&Arc<Gpu>>,
    groups: &[Planned],
    arrangement: Arrangement,
) -> Result<(Vec<Group>, Arc<Room>, Needs)> {
    let mut arrangement = arrangement;
    loop {
        let error = match make(gpu, groups, &arrangement) {
            Ok((groups, room)) => return Ok((groups, room, arrangement.needs)),
            Err(error) => error,
        };
        // Of a device that says nothing of its memory, a refusal does. A software adapter's is the host's: nothing is won there.
        let turns = gpu.is_some_and(|gpu| !gpu.profile().software) && arrangement.own > 0;
        if !turns || !matches!(error, Error::OutOfMemory(_)) {
            return Err(error);
        }
        let fewer = arrangement.needs.device() - arrangement.needs.device() / 4;
        let rows = arrangement.needs.rows;
        arrangement = match arrange(groups, arrangement.needs.comparisons, Rows::default(), Some(fewer)) {
            Ok(next) => Arrangement { needs: Needs { rows, ..next.needs }, ..next },
            Err(_) => return Err(error),
        };
        check_host(&arrangement.needs, gpu)?;
    }
}
