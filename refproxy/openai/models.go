package openai

import "github.com/firstbyte-dev/firstbyte/refproxy/chat"

// owner is who the models belong to as far as a caller is concerned.
const owner = "firstbyte"

type modelBody struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // 0 if unknown
	OwnedBy string `json:"owned_by"`
}

func newModelBody(m chat.Model) modelBody {
	b := modelBody{ID: m.ID, Object: "model", OwnedBy: owner}
	if !m.Created.IsZero() {
		b.Created = m.Created.Unix()
	}
	return b
}

// EncodeModels writes the list of models.
func EncodeModels(models []chat.Model) ([]byte, error) {
	list := struct {
		Object string      `json:"object"`
		Data   []modelBody `json:"data"`
	}{"list", make([]modelBody, len(models))}
	for i, m := range models {
		list.Data[i] = newModelBody(m)
	}
	return marshal(list)
}

// EncodeModel writes one model.
func EncodeModel(model chat.Model) ([]byte, error) { return marshal(newModelBody(model)) }
