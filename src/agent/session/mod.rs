//! sessions
pub struct SessionReader;
pub struct SessionWriter;
#[derive(Default)]
pub struct Sessions;
impl Sessions {
    pub async fn attach(&self, _: SessionReader, _: SessionWriter) {}
    pub async fn stop(&self) {}
}
