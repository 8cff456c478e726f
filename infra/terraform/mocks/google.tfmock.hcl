# What tests take for the cloud's answers, where made-up ones would not do.

mock_data "google_project" {
  defaults = {
    number = "123456789012"
  }
}

mock_resource "google_memorystore_instance" {
  defaults = {
    endpoints = [{
      connections = [{
        psc_auto_connection = [{
          connection_type = "CONNECTION_TYPE_DISCOVERY"
          ip_address      = "10.2.0.2"
          port            = 6379
        }]
      }]
    }]
    managed_server_ca = [{
      ca_certs = [{ certificates = ["-----BEGIN CERTIFICATE-----"] }]
    }]
  }
}

mock_resource "google_certificate_manager_dns_authorization" {
  defaults = {
    dns_resource_record = [{
      name = "_acme-challenge.api.example.com."
      type = "CNAME"
      data = "0a1b2c.authorize.certificatemanager.goog."
    }]
  }
}
