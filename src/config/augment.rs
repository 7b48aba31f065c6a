//! `[data.augment]`: what is done to the examples of a batch before a network is trained on them.

use crate::settings::settings;

settings! {
    /// What is done to the examples of a batch that is trained on, anew for each example at each step, and to no others. Numbers are drawn
    /// by seed, step and place in the batch. Each key can be swept: it is a replica's own.
    Augment {
        /// Images are moved by up to so many pixels in both directions along each axis, each number of them as likely; what comes in from
        /// beyond the border is 0, once inputs are scaled. This is torchvision's `RandomCrop` of the whole size with so much `padding`.
        #[schemars(
            range(max = 1024),
            extend("scope" = "replica, but for 0", "synonyms" = ["shift", "translate", "crop_padding"])
        )]
        random_crop: u32 = 0,
        /// How likely an image is mirrored, left to right.
        #[schemars(extend(
            "minimum" = 0.0,
            "maximum" = 1.0,
            "scope" = "replica, but for 0",
            "synonyms" = ["flip", "random_horizontal_flip", "hflip"]
        ))]
        horizontal_flip: f64 = 0.0,
        /// Standard deviation of normal noise on each input, once inputs are scaled.
        #[schemars(extend("minimum" = 0.0, "scope" = "replica, but for 0", "synonyms" = ["input_noise", "sigma"]))]
        gaussian_noise: f64 = 0.0,
    }
}

impl Augment {
    /// Whether images are moved or mirrored.
    pub fn moves(&self) -> bool {
        self.random_crop > 0 || self.horizontal_flip > 0.0
    }

    /// The first key that does something, if one does.
    pub fn first(&self) -> Option<&'static str> {
        let keys = [
            ("data.augment.random_crop", self.random_crop > 0),
            ("data.augment.horizontal_flip", self.horizontal_flip > 0.0),
            ("data.augment.gaussian_noise", self.gaussian_noise > 0.0),
        ];
        keys.into_iter().find(|(_, set)| *set).map(|(key, _)| key)
    }
}
