run "every_grant_is_of_something_there_is" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for service in values(output.services) : [for table in service.tables : contains(keys(output.tables), table)]
    ]))
    error_message = "A service uses a table that there is not."
  }
  assert {
    condition = alltrue(flatten([
      for service in values(output.services) : [for topic in service.publishes : contains(output.topics, topic)]
    ]))
    error_message = "A service publishes to a topic that there is not."
  }
  assert {
    condition     = toset(flatten([for service in values(output.services) : service.subscribes])) == toset(keys(output.subscriptions))
    error_message = "Subscriptions and their consumers differ."
  }
  assert {
    condition     = length(distinct([for service in values(output.services) : service.port])) == length(output.services)
    error_message = "Two services share a port."
  }
}
