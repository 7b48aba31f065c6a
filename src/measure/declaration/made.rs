//! How a measure is computed with some options: on the CPU, and on a device.

use super::cross::Cross;
use super::device::Device;
use super::host::Host;

/// Both ways, for some options.
pub struct Made {
    /// On the CPU.
    pub host: Host,
    /// On a GPU, if there is such a form.
    pub device: Option<Device>,
}

impl From<Host> for Made {
    fn from(host: Host) -> Self {
        Self { host, device: None }
    }
}

impl From<Cross> for Made {
    fn from(cross: Cross) -> Self {
        Self { host: cross.clone().into(), device: Some(Device::Cross(cross)) }
    }
}
