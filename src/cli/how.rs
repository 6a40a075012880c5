//! As whom, where and below which ceilings a command's processes run.

use serde_json::{Map, Value, json};

use crate::cli::args::Tag;

#[derive(clap::Args)]
#[command(next_help_heading = "Processes")]
pub struct How {
    /// The folder to run in
    #[arg(long, value_name = "DIR")]
    pub dir: Option<String>,
    /// The user to run as, where the agent runs as root
    #[arg(long, value_name = "NAME", conflicts_with = "sign_with")]
    user: Option<String>,
    /// A variable of its environment, repeatable; everybody who sees the command sees its value
    #[arg(long = "env", value_name = "K=V", conflicts_with = "sign_with")]
    variables: Vec<Tag>,
    /// How far other processes go first, 0 to 19
    #[arg(long, value_name = "N", conflicts_with = "sign_with")]
    nice: Option<u8>,
    /// The most memory it may use
    #[arg(long = "memory", value_name = "MIB", conflicts_with = "sign_with")]
    memory_mib: Option<u32>,
    /// The most of the processors it may use; 100 is one whole processor
    #[arg(long = "cpu", value_name = "PERCENT", conflicts_with = "sign_with")]
    cpu_percent: Option<u32>,
}

impl How {
    /// Adds its member to a SendCommand. A shell script has a parameter for its folder; other documents need not.
    pub fn name(&self, request: &mut Value, is_document: bool) {
        let mut settings = Map::new();
        if let Some(dir) = self.dir.as_ref().filter(|_| is_document) {
            settings.insert("Directory".into(), json!(dir));
        }
        if let Some(user) = &self.user {
            settings.insert("User".into(), json!(user));
        }
        if !self.variables.is_empty() {
            let variables: Map<String, Value> = self.variables.iter().map(|v| (v.key.clone(), json!(v.value))).collect();
            settings.insert("Environment".into(), Value::Object(variables));
        }
        let numbers = [
            ("Nice", self.nice.map(u32::from)),
            ("MemoryMiB", self.memory_mib),
            ("CpuPercent", self.cpu_percent),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                settings.insert(name.into(), json!(number));
            }
        }
        if !settings.is_empty() {
            request["RunSettings"] = Value::Object(settings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_is_asked_for() {
        let nothing = How {
            dir: Some("/srv".into()),
            user: None,
            variables: Vec::new(),
            nice: None,
            memory_mib: None,
            cpu_percent: None,
        };
        let mut request = json!({});
        nothing.name(&mut request, false);
        assert_eq!(request, json!({}));
        nothing.name(&mut request, true);
        assert_eq!(request, json!({"RunSettings": {"Directory": "/srv"}}));
        let all = How {
            user: Some("www-data".into()),
            variables: vec!["A=b=c".parse().unwrap()],
            nice: Some(5),
            memory_mib: Some(64),
            cpu_percent: Some(50),
            ..nothing
        };
        let mut request = json!({});
        all.name(&mut request, false);
        let wanted = json!({"User": "www-data", "Environment": {"A": "b=c"}, "Nice": 5, "MemoryMiB": 64, "CpuPercent": 50});
        assert_eq!(request, json!({ "RunSettings": wanted }));
    }
}
