mock_provider "google" {
  source = "../../mocks"
}

variables {
  project_id = "my-project"
  regions = {
    europe-west1 = { nodes = "10.0.0.0/20", pods = "10.16.0.0/14", services = "10.1.0.0/20", psc = "10.2.0.0/24" }
    europe-west4 = { nodes = "10.0.16.0/20", pods = "10.20.0.0/14", services = "10.1.16.0/20", psc = "10.2.1.0/24" }
  }
}

run "nodes_leave_by_nat_alone" {
  command = plan

  assert {
    condition     = toset(keys(google_compute_router_nat.this)) == toset(["europe-west1", "europe-west4"])
    error_message = "A region has no NAT."
  }
  assert {
    condition     = alltrue([for each in google_compute_subnetwork.nodes : each.private_ip_google_access])
    error_message = "Nodes reach Google's APIs without leaving."
  }
}

run "only_the_load_balancer_comes_in" {
  command = plan

  assert {
    condition     = google_compute_firewall.load_balancer.source_ranges == toset(["35.191.0.0/16", "130.211.0.0/22"])
    error_message = "Somebody other than the load balancer may come in."
  }
}

run "a_range_must_be_one" {
  command = plan
  variables {
    regions = { europe-west1 = { nodes = "everywhere", pods = "10.16.0.0/14", services = "10.1.0.0/20", psc = "10.2.0.0/24" } }
  }
  expect_failures = [var.regions]
}

run "googles_apis_are_where_pods_may_dial" {
  command = plan

  assert {
    condition     = google_dns_record_set.private_access.rrdatas == tolist(["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"])
    error_message = "Names lead to addresses that the pods' network policies do not allow."
  }
}
