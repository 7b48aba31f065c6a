//! Finding adapters and choosing one.
//!
//! Vulkan, Metal and DX12 only: asked for any backend, `wgpu` falls back to an OpenGL adapter without a word, and
//! OpenGL lacks what the kernels need.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Gpu;
use crate::error::{Error, Result};

/// Environment variable that names an adapter when no flag does.
pub const ADAPTER_VARIABLE: &str = "ISOGRAM_ADAPTER";

/// Which adapter to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// `ISOGRAM_ADAPTER` if set, else the first discrete GPU, then integrated, then the processor.
    #[default]
    Automatic,
    /// The adapter at this place in the list that `doctor` prints.
    Index(usize),
    /// The first adapter whose name, driver or backend contains this text, whatever its case.
    Name(String),
    /// No adapter: the processor itself.
    Cpu,
}

impl AdapterChoice {
    /// Reads a flag or variable: a number is an index, `cpu` (or, as it was once called, `reference`) the processor, else a
    /// name.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "" | "auto" => Self::Automatic,
            "cpu" | "reference" => Self::Cpu,
            text => text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Index),
        }
    }

    /// Replaces [`AdapterChoice::Automatic`] by what the environment asks for.
    pub fn or_environment(self) -> Self {
        match self {
            Self::Automatic => std::env::var(ADAPTER_VARIABLE).map_or(Self::Automatic, |text| Self::parse(&text)),
            chosen => chosen,
        }
    }

    /// The device that is chosen; none is the processor, which is taken before a program that acts as a GPU there unless that is
    /// asked for.
    ///
    /// # Errors
    /// [`Error::Adapter`] if there is none of that name, or it lacks what the kernels need.
    pub fn open(&self) -> Result<Option<Arc<Gpu>>> {
        match self.clone().or_environment() {
            Self::Cpu => Ok(None),
            Self::Automatic if adapters(&instance()).first().is_none_or(acts_as_one) => Ok(None),
            choice => Gpu::open(&choice).map(Some),
        }
    }
}

/// What identifies an adapter: enough to refuse another one on resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterSummary {
    /// Name, as the driver gives it.
    pub name: String,
    /// Graphics interface: `Vulkan`, `Metal`, `Dx12`, or `cpu`.
    pub backend: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `VirtualGpu`, `Cpu`.
    pub device_type: String,
    /// Driver.
    pub driver: String,
    /// Driver's version.
    pub driver_info: String,
}

impl AdapterSummary {
    pub(super) fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        Self {
            name: info.name,
            backend: format!("{:?}", info.backend),
            device_type: format!("{:?}", info.device_type),
            driver: info.driver,
            driver_info: info.driver_info,
        }
    }

    /// The summary of the processor. It does not say which: all give the same bits.
    pub fn cpu() -> Self {
        Self {
            name: "CPU executor".into(),
            backend: "cpu".into(),
            device_type: "Cpu".into(),
            driver: "isogram".into(),
            driver_info: env!("CARGO_PKG_VERSION").into(),
        }
    }

    fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        [&self.name, &self.driver, &self.backend, &self.driver_info].iter().any(|s| s.to_lowercase().contains(&text))
    }
}

impl std::fmt::Display for AdapterSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {} {})", self.name, self.backend, self.driver, self.driver_info)
    }
}

pub(super) fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    // Debug layers print to standard error and slow every call; tests that want them set WGPU_DEBUG / WGPU_VALIDATION.
    descriptor.flags = (wgpu::InstanceFlags::empty()).with_env();
    wgpu::Instance::new(descriptor)
}

/// GPU before software, discrete before integrated; the driver's order otherwise.
fn rank(adapter: &wgpu::Adapter) -> u8 {
    match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

/// Whether an adapter is a program on the processor.
fn acts_as_one(adapter: &wgpu::Adapter) -> bool {
    adapter.get_info().device_type == wgpu::DeviceType::Cpu
}

pub(super) fn adapters(instance: &wgpu::Instance) -> Vec<wgpu::Adapter> {
    let mut found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    found.retain(|adapter| adapter.get_info().backend != wgpu::Backend::Gl);
    found.sort_by_key(rank);
    found
}

/// The adapters of this machine, best first.
pub fn list_adapters() -> Vec<AdapterSummary> {
    adapters(&instance()).iter().map(AdapterSummary::of).collect()
}

pub(super) fn choose(found: Vec<wgpu::Adapter>, choice: &AdapterChoice) -> Result<wgpu::Adapter> {
    let names = found.iter().map(|a| format!("`{}`", AdapterSummary::of(a).name)).collect::<Vec<_>>().join(", ");
    if found.is_empty() {
        return Err(Error::Adapter(no_adapter_message()));
    }
    let count = found.len();
    match choice {
        AdapterChoice::Automatic | AdapterChoice::Cpu => Ok(found.into_iter().next().expect("not empty")),
        AdapterChoice::Index(index) => found.into_iter().nth(*index).ok_or_else(|| {
            Error::Adapter(format!(
                "there is no adapter number {index}: this machine has {count}, counted from 0 ({names}); `isogram doctor` lists them"
            ))
        }),
        AdapterChoice::Name(text) => {
            found.into_iter().find(|adapter| AdapterSummary::of(adapter).matches(text)).ok_or_else(|| {
                Error::Adapter(format!("no adapter matches `{text}`: this machine has {names}; `isogram doctor` lists them"))
            })
        }
    }
}

fn no_adapter_message() -> String {
    let install = if cfg!(target_os = "macos") {
        "Metal needs macOS 11 or later on a machine with a GPU"
    } else if cfg!(target_os = "windows") {
        "update the graphics driver (DirectX 12), or install one that brings Vulkan"
    } else {
        "install a Vulkan driver (Debian/Ubuntu: `apt install mesa-vulkan-drivers libvulkan1`; Fedora: `dnf install \
         mesa-vulkan-drivers vulkan-loader`; Arch: `pacman -S vulkan-icd-loader vulkan-swrast`; NVIDIA: the vendor's driver)"
    };
    format!(
        "no Vulkan, Metal or DX12 adapter was found on this machine: {install}, or run on the processor with `--adapter cpu`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_an_index_a_name_or_the_processor() {
        assert_eq!(AdapterChoice::parse("1"), AdapterChoice::Index(1));
        assert_eq!(AdapterChoice::parse("llvmpipe"), AdapterChoice::Name("llvmpipe".into()));
        assert_eq!(AdapterChoice::parse("cpu"), AdapterChoice::Cpu);
        assert_eq!(AdapterChoice::parse("reference"), AdapterChoice::Cpu);
        assert_eq!(AdapterChoice::parse(" "), AdapterChoice::Automatic);
    }

    #[test]
    fn the_message_for_a_bare_machine_says_what_to_install() {
        let text = no_adapter_message();
        assert!(text.contains("--adapter cpu"));
        #[cfg(target_os = "linux")]
        assert!(text.contains("apt install") && text.contains("dnf install") && text.contains("pacman"));
    }
}
