"""What every gRPC server and client shares."""
