//! What a figure of the report consists of.

/// A place in the report where a figure belongs.
#[derive(Debug)]
pub struct Shown {
    /// The name of its file, without `.svg`.
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The figure, or why there is none.
    pub figure: Result<Figure, String>,
}

/// A drawn figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The drawing.
    pub svg: String,
    /// What is shown, and over how many seeds.
    pub caption: String,
}
