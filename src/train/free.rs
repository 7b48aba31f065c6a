//! How much memory the host has left for this process, as far as the system says.

use std::fs::read_to_string;
use std::path::Path;

/// Bytes that can still be asked for: what the machine has available, what the limits of the control groups leave, and what the
/// limit on the address space (`ulimit -v`) leaves; the least of them. None where the system does not say.
pub(super) fn free() -> Option<u64> {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| kib(&text, "MemAvailable:"));
    [machine, control_groups(), address_space()].into_iter().flatten().min()
}

/// The number of KiB behind a key at the start of a line, in bytes.
fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

fn address_space() -> Option<u64> {
    let limits = read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let most: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(most.saturating_sub(kib(&read_to_string("/proc/self/status").ok()?, "VmSize:")?))
}

/// What the control groups leave, of either version; each group is held by those above it too.
fn control_groups() -> Option<u64> {
    let own = read_to_string("/proc/self/cgroup").ok()?;
    let mut least: Option<u64> = None;
    for line in own.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (root, most, used) = match parts.next()? {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => continue,
        };
        let folder = Path::new(root).join(parts.next()?.trim_start_matches('/'));
        for group in folder.ancestors().take_while(|group| group.starts_with(root)) {
            let number = |name: &str| read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
            let (Some(most), Some(used)) = (number(most), number(used)) else { continue };
            let left = most.saturating_sub(used);
            least = Some(least.map_or(left, |l| l.min(left)));
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn there_is_some_and_no_more_than_the_machine_has() {
        let all = kib(&read_to_string("/proc/meminfo").unwrap(), "MemTotal:").unwrap();
        let free = free().unwrap();
        assert!((1 << 20..=all).contains(&free), "{free} of {all}");
    }
}
