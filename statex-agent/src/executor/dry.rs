//! An executor that observes like another, and only says what it would do.

use super::{Abilities, Executor, ExecutorError, Observed, Order, Patience, Step};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Wraps an executor so that nothing is done.
pub struct Dry(pub Arc<dyn Executor>);

impl Executor for Dry {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn abilities(&self) -> Abilities {
        self.0.abilities()
    }

    fn patience(&self) -> Patience {
        self.0.patience()
    }

    fn observe(&self) -> BoxFuture<'_, Result<Observed, ExecutorError>> {
        self.0.observe()
    }

    fn carry_out<'a>(
        &'a self,
        step: &'a Step,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<String, ExecutorError>> {
        Box::pin(async move { Ok(format!("would {step}")) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Condition;
    use crate::executor::scripted::{Scripted, replica};

    #[tokio::test]
    async fn nothing_is_done_and_everything_is_said() {
        let real = Arc::new(Scripted::new(vec![replica(1, Condition::Healthy)]));
        let dry = Dry(real.clone());
        let step = Step::Create { number: 2, like: "id-1".into() };
        assert_eq!(
            dry.carry_out(&step, &Order::default()).await,
            Ok("would make replica 2 like id-1".to_owned())
        );
        assert_eq!(dry.observe().await.unwrap().replicas.len(), 1);
        assert!(real.inside().done.is_empty());
    }
}
