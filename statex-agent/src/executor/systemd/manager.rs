//! What is asked of systemd's manager (org.freedesktop.systemd1(5)).

use super::see::Unit;
use tokio::sync::Mutex;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::{OwnedObjectPath, OwnedVariant};

const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// A row of `ListUnitsByPatterns`; only the name is of use.
type Listed = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// A connection to the manager, made when it is needed and again when it broke.
pub(super) struct Manager {
    bus: Option<String>,
    connection: Mutex<Option<Connection>>,
}

impl Manager {
    pub(super) fn new(bus: Option<String>) -> Self {
        Self { bus, connection: Mutex::new(None) }
    }

    #[cfg(test)]
    pub(super) fn connected(connection: Connection) -> Self {
        Self { bus: None, connection: Mutex::new(Some(connection)) }
    }

    /// Names of the units that match.
    pub(super) async fn units(&self, pattern: &str) -> zbus::Result<Vec<String>> {
        let states: Vec<&str> = Vec::new();
        let listed: Vec<Listed> =
            self.ask(PATH, MANAGER, "ListUnitsByPatterns", &(states, vec![pattern])).await?;
        Ok(listed.into_iter().map(|row| row.0).collect())
    }

    /// What there is to know of a unit; one that is not loaded is inactive.
    pub(super) async fn unit(&self, name: &str) -> zbus::Result<Unit> {
        let path: OwnedObjectPath = self.ask(PATH, MANAGER, "LoadUnit", &(name,)).await?;
        let text = async |interface, property| self.property::<String>(&path, interface, property).await;
        Ok(Unit {
            active: text(UNIT, "ActiveState").await?,
            sub: text(UNIT, "SubState").await?,
            result: text(SERVICE, "Result").await?,
            control_group: text(SERVICE, "ControlGroup").await?,
            restarts: self.property(&path, SERVICE, "NRestarts").await?,
            exit: self.property(&path, SERVICE, "ExecMainStatus").await?,
            started: self.property(&path, SERVICE, "ExecMainStartTimestamp").await?,
        })
    }

    /// Has a unit started, stopped or restarted. The manager answers when it has taken the job on, not when it is done.
    pub(super) async fn job(&self, method: &str, unit: &str) -> zbus::Result<()> {
        self.ask::<OwnedObjectPath>(PATH, MANAGER, method, &(unit, "replace")).await.map(drop)
    }

    pub(super) async fn reset_failed(&self, unit: &str) -> zbus::Result<()> {
        self.ask(PATH, MANAGER, "ResetFailedUnit", &(unit,)).await
    }

    /// Sends a signal to the unit's main process.
    pub(super) async fn kill(&self, unit: &str, signal: &str) -> zbus::Result<()> {
        let full = if signal.starts_with("SIG") { signal.to_owned() } else { format!("SIG{signal}") };
        let number: nix::sys::signal::Signal =
            full.parse().map_err(|_| zbus::Error::Failure(format!("there is no signal {signal}")))?;
        self.ask(PATH, MANAGER, "KillUnit", &(unit, "main", number as i32)).await
    }

    async fn property<T>(&self, path: &OwnedObjectPath, interface: &str, name: &str) -> zbus::Result<T>
    where
        T: TryFrom<OwnedVariant>,
        T::Error: std::fmt::Display,
    {
        let value: OwnedVariant =
            self.ask(path.as_str(), "org.freedesktop.DBus.Properties", "Get", &(interface, name)).await?;
        T::try_from(value).map_err(|error| zbus::Error::Failure(format!("{name}: {error}")))
    }

    async fn ask<T>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        arguments: &(impl serde::Serialize + zbus::zvariant::DynamicType),
    ) -> zbus::Result<T>
    where
        T: serde::de::DeserializeOwned + zbus::zvariant::Type,
    {
        let connection = self.connection().await?;
        let answer = connection.call_method(Some(NAME), path, Some(interface), method, arguments).await;
        match answer {
            Ok(answer) => answer.body().deserialize(),
            Err(error) => {
                if !matches!(error, zbus::Error::MethodError(..)) {
                    self.connection.lock().await.take();
                }
                Err(error)
            }
        }
    }

    async fn connection(&self) -> zbus::Result<Connection> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let builder = match &self.bus {
            Some(address) => Builder::address(address.as_str()),
            None => Builder::system(),
        };
        let connection = builder.build().await?;
        *held = Some(connection.clone());
        Ok(connection)
    }
}
