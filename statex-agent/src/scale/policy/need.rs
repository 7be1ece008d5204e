//! Replicas for a load: target tracking as the Kubernetes HorizontalPodAutoscaler does it.

use super::Rules;

/// The replicas that serve a load when each is used up to the target.
pub fn replicas(load: f64, capacity: f64, target: f64) -> u32 {
    // A hair less than a whole replica is not another one.
    let exact = (load / (capacity * target) - 1e-9).ceil();
    // A conversion from a float ends at the type's bounds; not a number is none.
    exact as u32
}

/// The same, or `None` where the replicas that there are come near enough: within the tolerance of the target.
pub(super) fn tracked(load: f64, current: u32, capacity: f64, rules: &Rules) -> Option<u32> {
    let used = load / (f64::from(current) * capacity * rules.target);
    ((used - 1.0).abs() > rules.tolerance).then(|| replicas(load, capacity, rules.target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_divided_by_what_a_replica_is_used_for() {
        assert_eq!(replicas(700.0, 100.0, 0.7), 10);
        assert_eq!(replicas(701.0, 100.0, 0.7), 11);
        assert_eq!(replicas(0.0, 100.0, 0.7), 0);
    }

    #[test]
    fn senseless_loads_are_bounded() {
        assert_eq!(replicas(f64::INFINITY, 100.0, 0.7), u32::MAX);
        assert_eq!(replicas(f64::NAN, 100.0, 0.7), 0);
    }

    #[test]
    fn no_replica_is_never_near_enough() {
        assert_eq!(tracked(10.0, 0, 100.0, &Rules::default()), Some(1));
    }
}
