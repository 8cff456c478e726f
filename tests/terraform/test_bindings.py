"""Schemas of providers, as their bindings for TypeScript tell them."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.terraform.topic_schema import SCHEMA
from tools.terraform.bindings import BindingsError, read_provider
from tools.terraform.schema import Attribute

BINDINGS = """
function topicRetryToHclTerraform(struct) {
    const attrs = {
        after: {
            value: cdktn.stringToHclTerraform(struct.after),
            isBlock: false,
            type: "simple",
            storageClassType: "string",
        },
    };
}
class TopicRetryOutputReference extends cdktn.ComplexObject {
    // after - computed: false, optional: false, required: true
    _after;
}
class TopicPeersOutputReference extends cdktn.ComplexObject {
    // port - computed: true, optional: false, required: false
    get port() {
        return this.getNumberAttribute('port');
    }
}
class Topic extends cdktn.TerraformResource {
    static tfResourceType = "google_topic";
    // name - computed: false, optional: false, required: true
    _name;
    // labels - computed: false, optional: true, required: false
    _labels;
    // mode - computed: false, optional: true, required: false
    _mode;
    // modes - computed: false, optional: true, required: false
    _modes;
    // uid - computed: true, optional: false, required: false
    get uid() {
        return this.getStringAttribute('uid');
    }
    // peers - computed: true, optional: false, required: false
    _peers = new TopicPeersList(this, "peers", true);
    // retry - computed: false, optional: true, required: false
    _retry = new TopicRetryOutputReference(this, "retry");
    synthesizeHclAttributes() {
        const attrs = {
            name: {
                value: cdktn.stringToHclTerraform(this._name),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
            labels: {
                value: cdktn.hashMapperHcl(cdktn.stringToHclTerraform)(this._labels),
                isBlock: false,
                type: "map",
                storageClassType: "stringMap",
            },
            mode: {
                value: cdktn.stringToHclTerraform(this._mode),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
            modes: {
                value: cdktn.listMapperHcl(cdktn.stringToHclTerraform, false)(this._modes),
                isBlock: false,
                type: "list",
                storageClassType: "stringList",
            },
            retry: {
                value: topicRetryToHclTerraform(this._retry.internalValue),
                isBlock: true,
                type: "list",
                storageClassType: "TopicRetryList",
            },
        };
    }
}
"""
# And the declarations beside it.
DOCUMENTED = """
export interface TopicConfig extends cdktn.TerraformMetaArguments {
    /**
    * A name.
    *
    * Docs: {@link https://example.com/docs/resources/topic#name Topic#name}
    */
    readonly name: string;
    /**
    * How it is delivered. Possible values: ["FAST", "SAFE"]
    *
    * Docs: {@link https://example.com/docs/resources/topic#mode Topic#mode}
    */
    readonly mode?: string;
    /**
    * Possible values: ["FAST", "SAFE"]
    *
    * Docs: {@link https://example.com/docs/resources/topic#modes Topic#modes}
    */
    readonly modes?: string[];
}
export interface TopicRetry {
    /**
    * When. Possible values: ["1s", "2s"]
    *
    * Docs: {@link https://example.com/docs/resources/topic#after Topic#after}
    */
    readonly after: string;
}
"""
PROVIDER_BINDINGS = """
class GoogleProvider extends cdktn.TerraformProvider {
    // terraformGeneratorMetadata
    static metadata = {
        providerVersion: '8.7.0',
    };
    synthesizeHclAttributes() {
    }
}
"""


@pytest.fixture
def archive(tmp_path) -> Path:
    path = tmp_path / "provider.jsii.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in (
            ("topic/index.js", BINDINGS),
            ("topic/index.d.ts", DOCUMENTED),
            ("provider/index.js", PROVIDER_BINDINGS),
        ):
            member = tarfile.TarInfo(f"package/lib/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_bindings_give_the_schema(archive) -> None:
    provider = read_provider(archive, "google", [("resource", "google_topic")])
    assert provider.version == "8.7.0"
    block = provider.types["resource", "google_topic"]
    assert block.attributes == {
        **SCHEMA.attributes,
        "peers": Attribute(["set", ["object", {"port": "number"}]], computed=True),
    }
    assert block.blocks == SCHEMA.blocks


def test_bindings_without_a_type(archive) -> None:
    with pytest.raises(BindingsError, match="google_queue"):
        read_provider(archive, "google", [("resource", "google_queue")])
